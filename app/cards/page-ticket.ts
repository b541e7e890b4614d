import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/**
 * HubSpot opens an iframe page by plain browser navigation, unsigned and without cookies of ours. The signed card
 * call therefore issues a ticket that says what the page may show, and for how long.
 */
const ticketSchema = z.object({
  /** Name of the card whose page it opens. */
  card: z.string(),
  portalId: z.number().int(),
  objectType: z.string(),
  objectId: z.string(),
  /** Milliseconds since 1970. */
  expiresAt: z.number(),
});

export type PageTicket = z.output<typeof ticketSchema>;

export const TICKET_LIFETIME_MS = 15 * 60 * 1000;

export function sealTicket(ticket: PageTicket, secret: string): string {
  const payload = Buffer.from(JSON.stringify(ticket)).toString('base64url');
  return `${payload}.${sign(payload, secret)}`;
}

/** The ticket when it is authentic and valid, else why not. */
export function openTicket(text: string, secret: string, now: number): PageTicket | 'forged' | 'expired' {
  const [payload = '', signature = '', ...rest] = text.split('.');
  // As text: decoding is lenient, and would let several spellings of one signature pass.
  const given = Buffer.from(signature);
  const expected = Buffer.from(sign(payload, secret));
  if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected))
    return 'forged';
  const ticket = ticketSchema.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
  // An earlier version issued tickets of another shape.
  return ticket.success && ticket.data.expiresAt > now ? ticket.data : 'expired';
}

const sign = (payload: string, secret: string) =>
  createHmac('sha256', secret).update(`page-ticket:${payload}`).digest('base64url');
