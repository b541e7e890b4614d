import { createHash } from 'node:crypto';
import { z } from 'zod';

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

/** HubSpot sends numbers; what a number cannot hold exactly is text. */
type Id = number | string;

export interface WebhookEvent {
  readonly portalId: number;
  /** Such as `contact.propertyChange`, `object.creation`, `conversation.newMessage`. */
  readonly subscriptionType: string;
  readonly eventId?: Id;
  readonly subscriptionId?: Id;
  readonly appId?: number;
  /** Milliseconds since 1970. */
  readonly occurredAt?: number | undefined;
  /** Counted from 0; differs between copies of one event. */
  readonly attemptNumber?: number;
  readonly objectId?: Id;
  /** `object.*` events: `0-1` contact, `0-2` company, `0-3` deal, `0-5` ticket, `2-…` custom objects. */
  readonly objectTypeId?: string;
  readonly changeSource?: string;
  readonly changeFlag?: string;
  readonly sourceId?: string;
  readonly propertyName?: string;
  readonly propertyValue?: string | null;
  readonly fromObjectId?: Id;
  readonly toObjectId?: Id;
  /** `object.associationChange` has these two in place of `objectTypeId`. */
  readonly fromObjectTypeId?: string;
  readonly toObjectTypeId?: string;
  readonly associationType?: string;
  readonly associationRemoved?: boolean;
  readonly isPrimaryAssociation?: boolean;
  readonly primaryObjectId?: Id;
  readonly mergedObjectIds?: readonly Id[];
  readonly newObjectId?: Id;
  readonly messageId?: string;
  readonly messageType?: string;
  /** Whether this app made the change that the event reports. Ours, not HubSpot's. */
  readonly isOwnWrite?: boolean;
  readonly [field: string]: unknown;
}

/** A person's request: events of this type are about nothing but ids. */
export const PRIVACY_DELETION = 'contact.privacyDeletion';

const OBJECTS = ['contact', 'company', 'deal', 'ticket', 'line_item', 'product', 'object'];
const CHANGES = ['creation', 'deletion', 'restore', 'propertyChange', 'merge', 'associationChange'];
const OTHER_TYPES = [
  PRIVACY_DELETION,
  'conversation.creation',
  'conversation.deletion',
  'conversation.privacyDeletion',
  'conversation.newMessage',
  'conversation.propertyChange',
  'event.completed',
  'app.installed',
  'app.uninstalled',
];
/** The types that HubSpot's descriptions name, and this server's own. */
export const KNOWN_TYPES: ReadonlySet<string> = new Set([
  ...OBJECTS.flatMap((object) => CHANGES.map((change) => `${object}.${change}`)),
  ...OTHER_TYPES,
]);

const APP_ID = /^\d{1,16}$/;

/** The app that HubSpot says the event is for; undefined when it is this one, or none is named. */
export function otherAppOf({ appId }: WebhookEvent, ours: number): string | undefined {
  if (appId === undefined || appId === null) return undefined;
  // It may be anything that JSON can say: what is no number must not fail the others of its delivery.
  const named = ['number', 'string'].includes(typeof appId) ? String(appId) : '';
  if (named === String(ours)) return undefined;
  return APP_ID.test(named) ? `app ${named}` : 'an app with an unusable id';
}

export const isKnownType = (subscriptionType: string) => KNOWN_TYPES.has(subscriptionType);

/** What tells two events apart. HubSpot's `eventId` is not unique; `attemptNumber` differs between copies. */
const IDENTITY = [
  'portalId',
  'subscriptionType',
  'subscriptionId',
  'eventId',
  'occurredAt',
  'objectId',
  'objectTypeId',
  'fromObjectId',
  'toObjectId',
  'associationType',
  'associationTypeId',
  'associationCategory',
  'associationRemoved',
  // A primary association may come as two events that differ in nothing else.
  'isPrimaryAssociation',
  'primaryObjectId',
  'mergedObjectIds',
  'newObjectId',
  'messageId',
  'propertyName',
  'propertyValue',
] as const;

/** Identities are stored: a field that was added to them counts only where it is there, and other events keep theirs. */
const ADDED_TO_IDENTITY = ['fromObjectTypeId', 'toObjectTypeId'] as const;

/**
 * The identity of an event as a uuid: the same for every copy, whatever the order of keys or form of numbers. Events
 * of one record and one millisecond run in the order of their ids, so the first digit says what comes first.
 */
export function eventIdentity(event: WebhookEvent): string {
  let text = '';
  for (const field of IDENTITY) {
    const value = event[field];
    text += delimited(value === undefined || value === null ? '' : textOf(value));
  }
  for (const field of ADDED_TO_IDENTITY) {
    const value = event[field];
    if (value !== undefined && value !== null) text += delimited(field) + delimited(textOf(value));
  }
  const hash = createHash('sha256').update(text).digest('hex');
  return toUuid(rankOf(event.subscriptionType) + hash.slice(1));
}

/** HubSpot gives a record's creation and its first properties the same time. */
function rankOf(subscriptionType: string): string {
  if (/\.(creation|restore)$/.test(subscriptionType)) return '0';
  return /\.deletion$/.test(subscriptionType) ? 'f' : '8';
}

/** Length first, so that no value can pass for two. */
const delimited = (text: string) => `${text.length}:${text}`;

/** Numbers and their texts are alike, in lists too. An object, which HubSpot never sends, must not stop the others. */
export function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map((part) => textOf(part ?? '')).join();
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const toUuid = (hex: string) =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;

const CONTACT = '0-1';
const TYPE_NAMES = new Map([
  [CONTACT, 'contact'],
  ['0-2', 'company'],
  ['0-3', 'deal'],
  ['0-5', 'ticket'],
]);
/** Longer than any id of HubSpot's, and short enough for an index. */
const LONGEST_ID = 100;

/** What a part of a record's key is not made of. */
const STRANGE = /[^\w-]/;

/** The record that an event is about, `portal:type:object`; an event about none is a record of its own. */
export function recordOf(event: WebhookEvent, id: string): string {
  const object = [event.objectId, event.primaryObjectId, event.fromObjectId].find(isId);
  if (object === undefined) return `${event.portalId}::${id}`;
  const objectTypeId = objectTypeOf(event);
  const [name = ''] = event.subscriptionType.split('.');
  const family = STRANGE.test(name) ? name.replaceAll(/[^\w-]/g, '_') : name;
  const type =
    family === 'object' && typeof objectTypeId === 'string' && isId(objectTypeId)
      ? (TYPE_NAMES.get(objectTypeId) ?? objectTypeId)
      : family;
  return recordKey(event.portalId, type, object);
}

/** Of an `object.*` event; of an association, the type of the record that it is told from. */
export const objectTypeOf = ({ objectTypeId, fromObjectTypeId }: WebhookEvent): string | undefined =>
  objectTypeId ?? fromObjectTypeId;

export const isAssociationChange = (type: string) => type.endsWith('.associationChange');

/** Ids of the contacts at the ends of an association. An end whose type is not told may be one, and counts. */
export function contactsOfAssociation(event: WebhookEvent): string[] {
  if (!isAssociationChange(event.subscriptionType)) return [];
  const { fromObjectId, fromObjectTypeId, toObjectId, toObjectTypeId } = event;
  // `CONTACT_TO_COMPANY`, which labels may lengthen.
  const [from, to] = textOf(event.associationType ?? '').split('_TO_');
  const ends = [
    { id: fromObjectId, isContact: isContact(fromObjectTypeId, to && from) },
    { id: toObjectId, isContact: isContact(toObjectTypeId, to) },
  ];
  return ends.filter((end) => end.isContact && isId(end.id)).map(({ id }) => String(id));
}

const isContact = (typeId: string | undefined, name = 'CONTACT') =>
  typeId ? typeId === CONTACT : name.startsWith('CONTACT');

export const isId = (value: unknown) =>
  typeof value === 'number' || (typeof value === 'string' && value !== '' && value.length <= LONGEST_ID);

export const recordKey = (portalId: number, type: string, object: number | string) =>
  `${portalId}:${type}:${object}`;

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
