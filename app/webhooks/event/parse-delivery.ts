import { z } from 'zod';
import type { WebhookEvent } from './event.ts';

/** HubSpot's, also as text. */
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

/** HubSpot's are far shorter, but new ones may have any form. */
const LONGEST_TYPE = 200;

/**
 * The fields that the pipeline needs. All others are kept as they are, so that an unexpected value loses no event, and are
 * checked before a handler gets the event.
 * @see platform: webhooks, common event fields
 */
const webhookEvent = z.looseObject({
  portalId: number.refine((id) => Number.isSafeInteger(id) && id >= 0),
  subscriptionType: z.string().min(1).max(LONGEST_TYPE),
  // A Date cannot hold other values, and would throw in every handler that makes one.
  occurredAt: number.refine(isTime).optional().catch(undefined),
});

export type ParsedDelivery =
  | {
      readonly events: readonly WebhookEvent[];
      readonly problem: string | undefined;
      /** The invalid items, as a JSON array. */
      readonly rest: Buffer | undefined;
    }
  | { readonly events: undefined; readonly problem: string };

/** The events of a delivery's body, and the reasons why other items are invalid. */
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
  if (events.length === 0) return { events: undefined, problem: `no valid item: ${why}` };
  const problem = `${others.length} of ${items.length} items are invalid: ${why}`;
  return { events, problem, rest: asJson(others) ?? body };
}

/** A number may not hold so many digits exactly. A literal pattern is found ten times as fast as `\d{16}`. */
const LONG_NUMBER = new RegExp('\\d'.repeat(16));
const WHOLE_NUMBER = /^(-?\d+)(?:\.0+)?(?:e[+-]?0+)?$/i;

/** Whole numbers that JavaScript would round are kept as text: rounded ids would make two events one. */
function parseJson(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  try {
    return JSON.parse(text, exact as Reviver);
  } catch {
    // Invalid JSON, or nested so deeply that a reviver overflows the stack.
    return JSON.parse(text);
  }
}

/** TypeScript does not know its third argument yet. */
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
  if (!parsed.success) return { reason: `no usable ${parsed.error.issues[0]?.path[0]?.toString()}` };
  if (!isShallow(parsed.data, DEEPEST)) return { reason: 'nested too deeply' };
  return { event: parsed.data as WebhookEvent };
}

/** HubSpot's documentation names the field `eventType`, its deliveries `subscriptionType`. */
function withType(item: { subscriptionType?: unknown; eventType?: unknown }): object {
  return item.subscriptionType === undefined ? { ...item, subscriptionType: item.eventType } : item;
}

/** Events are nearly flat. JSON.stringify overflows the stack on very deep values. */
const DEEPEST = 32;

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((part) => isShallow(part, levels - 1));
}

/** Undefined when the values are nested too deeply. */
function asJson(items: readonly unknown[]): Buffer | undefined {
  try {
    return Buffer.from(JSON.stringify(items));
  } catch {
    return undefined;
  }
}

/** JSON can contain what PostgreSQL's text cannot hold: NUL, and half of a surrogate pair (an emoji cut in two). */
const UNSTORABLE = /\\u(?:0000|d[89a-f])/i;

const storableText = (text: string) => text.toWellFormed().replaceAll('\0', '\ufffd');

function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [storableText(key), storable(part)]));
}
