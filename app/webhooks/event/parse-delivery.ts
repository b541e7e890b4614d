import { z } from 'zod';
import type { WebhookEvent } from './event.ts';

/** Also as text. */
const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d{1,16}$/)
    .transform(Number),
]);

/** The last millisecond that a Date can hold. */
const LAST_MS = 8.64e15;
const isTime = (ms: number) => Number.isInteger(ms) && Math.abs(ms) <= LAST_MS;

/** HubSpot's are far shorter. It may invent others of any form. */
const LONGEST_TYPE = 200;

/**
 * One event of a delivery. HubSpot adds fields at any time, and the kinds of events differ in theirs, so all but
 * what every event has is optional, unknown fields are kept, and numbers that came as text are taken.
 * @see platform: webhooks, common event fields
 */
const webhookEvent = z.looseObject({
  portalId: number.refine((id) => Number.isSafeInteger(id) && id >= 0),
  subscriptionType: z.string().min(1).max(LONGEST_TYPE),
  // What no Date can hold is no time: it would fail in every handler that makes one of it.
  occurredAt: number.refine(isTime).optional().catch(undefined),
});

export type ParsedDelivery =
  | {
      readonly events: readonly WebhookEvent[];
      readonly problem: string | undefined;
      /** The items that are no events, as a JSON array. */
      readonly rest: Buffer | undefined;
    }
  | { readonly events: undefined; readonly problem: string };

/** The events of a delivery's body, and what is wrong with those items that are none. */
export function parseDelivery(body: Buffer): ParsedDelivery {
  const text = body.toString('utf8');
  let items: unknown;
  try {
    items = parseJson(text);
  } catch {
    return { events: undefined, problem: 'the body is not JSON' };
  }
  if (!Array.isArray(items)) return { events: undefined, problem: 'the body is not an array of events' };
  const mayBeUnstorable = UNSTORABLE.test(text);
  const events: WebhookEvent[] = [];
  const others: unknown[] = [];
  const reasons = new Set<string>();
  for (const item of items) {
    const { event, reason } = readItem(item);
    if (event) events.push(mayBeUnstorable ? (storable(event) as WebhookEvent) : event);
    else {
      others.push(item);
      reasons.add(reason);
    }
  }
  if (others.length === 0) return { events, problem: undefined, rest: undefined };
  const why = [...reasons].join(', ');
  if (events.length === 0) return { events: undefined, problem: `none of its items is an event: ${why}` };
  const problem = `${others.length} of ${items.length} items are not events: ${why}`;
  return { events, problem, rest: asJson(others) ?? body };
}

/** So many digits may be more than a number can hold exactly. Written out, it is found ten times as fast. */
const LONG_NUMBER = new RegExp('\\d'.repeat(16));
const WHOLE_NUMBER = /^(-?\d+)(?:\.0+)?(?:e[+-]?0+)?$/i;

/** Whole numbers that JavaScript would round are kept as text: rounded ids would make two events one. */
function parseJson(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  try {
    return JSON.parse(text, exact as Reviver);
  } catch {
    // Either it is no JSON, or it is nested without end, which only the plain parser can take.
    return JSON.parse(text);
  }
}

/** TypeScript does not know the third argument of it yet. */
type Reviver = NonNullable<Parameters<typeof JSON.parse>[1]>;

function exact(_key: string, value: unknown, { source = '' }: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return WHOLE_NUMBER.exec(source)?.[1] ?? value;
}

type ReadItem =
  | { readonly event: WebhookEvent; readonly reason?: undefined }
  | { readonly event?: undefined; readonly reason: string };

function readItem(item: unknown): ReadItem {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return { reason: 'not an object' };
  const parsed = webhookEvent.safeParse(withType(item));
  if (!parsed.success)
    return { reason: `no ${parsed.error.issues[0]?.path[0]?.toString()} that can be used` };
  if (!isShallow(parsed.data, DEEPEST)) return { reason: 'nested too deeply' };
  return { event: parsed.data as WebhookEvent };
}

/** HubSpot's own table of the fields calls the type `eventType`. */
function withType(item: { subscriptionType?: unknown; eventType?: unknown }): object {
  return item.subscriptionType === undefined ? { ...item, subscriptionType: item.eventType } : item;
}

/** An event is nearly flat. What is nested without end cannot be written as JSON again. */
const DEEPEST = 32;

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((part) => isShallow(part, levels - 1));
}

/** Undefined where the values are nested without end. */
function asJson(items: readonly unknown[]): Buffer | undefined {
  try {
    return Buffer.from(JSON.stringify(items));
  } catch {
    return undefined;
  }
}

/** JSON can name what PostgreSQL's text cannot hold: NUL, and half of a surrogate pair (an emoji cut in two). */
const UNSTORABLE = /\\u(?:0000|d[89a-f])/i;

const storableText = (text: string) => text.toWellFormed().replaceAll('\0', '\ufffd');

function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [storableText(key), storable(part)]));
}
