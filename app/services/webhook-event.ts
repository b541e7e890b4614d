import { createHash } from 'node:crypto';
import { z } from 'zod';

/**
 * One event of a delivery. HubSpot adds fields at any time, and the kinds of events differ in theirs, so all but
 * what every event has is optional and unknown fields are kept.
 * @see platform: webhooks, common event fields
 */
export const webhookEvent = z.looseObject({
  portalId: z.number().int(),
  subscriptionType: z.string().min(1),
  eventId: z.number().optional(),
  subscriptionId: z.number().optional(),
  appId: z.number().optional(),
  /** Milliseconds since 1970. */
  occurredAt: z.number().optional(),
  attemptNumber: z.number().optional(),
  objectId: z.union([z.number(), z.string()]).optional(),
  objectTypeId: z.string().optional(),
  propertyName: z.string().optional(),
  propertyValue: z.string().nullish(),
  changeSource: z.string().optional(),
  changeFlag: z.string().optional(),
  fromObjectId: z.number().optional(),
  toObjectId: z.number().optional(),
});

export type WebhookEvent = z.output<typeof webhookEvent>;

/**
 * What makes two events the same. HubSpot's `eventId` is not unique, and `attemptNumber` differs between copies of
 * one event, so identity is the composite of all the others that tell events apart.
 */
export function eventKey(event: WebhookEvent): string {
  const identity = [
    event.portalId,
    event.subscriptionType,
    event.subscriptionId,
    event.eventId,
    event.occurredAt,
    event.objectId,
    event.objectTypeId,
    event.fromObjectId,
    event.toObjectId,
    event.propertyName,
    event.propertyValue,
  ];
  return createHash('sha256').update(JSON.stringify(identity)).digest('base64url');
}

/** The events of a delivery's body, and what is wrong with those that are none. */
export function parseDelivery(body: Buffer): { events: WebhookEvent[]; problem: string | undefined } {
  let items: unknown;
  try {
    items = JSON.parse(body.toString('utf8'));
  } catch {
    return { events: [], problem: 'the body is not JSON' };
  }
  if (!Array.isArray(items)) return { events: [], problem: 'the body is not an array of events' };
  const parsed = items.map((item) => webhookEvent.safeParse(item));
  const events = parsed.flatMap((one) => (one.success ? [one.data] : []));
  const refused = parsed.length - events.length;
  return { events, problem: refused > 0 ? `${refused} of ${parsed.length} items are not events` : undefined };
}
