import { createHash } from 'node:crypto';

/** HubSpot sends numbers. Those that a number cannot hold exactly are text. */
type Id = number | string;

/**
 * An event as HubSpot sent it and as it is stored. Only `portalId`, `subscriptionType` and `occurredAt` are checked; handlers
 * get a `HandlerEvent`.
 */
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
  /** Whether this app made the change that the event reports. Added by this server. */
  readonly isOwnWrite?: boolean;
  readonly [field: string]: unknown;
}

/** Its events contain only ids. */
export const PRIVACY_DELETION = 'contact.privacyDeletion';

const APP_ID = /^\d{1,16}$/;

/** The other app that the event is for; undefined when it is for this one or names no app. */
export function otherAppOf({ appId }: WebhookEvent, ours: number): string | undefined {
  if (appId === undefined || appId === null) return undefined;
  // Any JSON value is possible here; an invalid one must not fail the other events of its delivery.
  const named = ['number', 'string'].includes(typeof appId) ? String(appId) : '';
  if (named === String(ours)) return undefined;
  return APP_ID.test(named) ? `app ${named}` : 'an app with an unusable id';
}

/** The fields that identify an event. HubSpot's `eventId` is not unique; `attemptNumber` differs between copies. */
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
  // A primary association can produce two events that differ only in this.
  'isPrimaryAssociation',
  'primaryObjectId',
  'mergedObjectIds',
  'newObjectId',
  'messageId',
  'propertyName',
  'propertyValue',
] as const;

/** Added later. They count only where they are present, so that stored identities stay valid. */
const ADDED_TO_IDENTITY = ['fromObjectTypeId', 'toObjectTypeId'] as const;

/**
 * The identity of an event as a uuid: the same for every copy, whatever the order of keys or the form of numbers. Events
 * of one record and one millisecond run in the order of their ids, so the first digit ranks them.
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

/** HubSpot gives the creation of a record and its first property changes the same time. */
function rankOf(subscriptionType: string): string {
  if (/\.(creation|restore)$/.test(subscriptionType)) return '0';
  return /\.deletion$/.test(subscriptionType) ? 'f' : '8';
}

/** Length-prefixed, so that text cannot move from one field to the next. */
const delimited = (text: string) => `${text.length}:${text}`;

/** The same for a number and its text, in lists too. HubSpot sends no objects, but one must not fail the other events. */
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
/** Longer than every id of HubSpot's, and short enough for an index. */
const LONGEST_ID = 100;

/** Not allowed in a record's key. */
const SPECIAL = /[^\w-]/g;

/** The record of an event, `portal:type:object`. An event without one gets a record of its own. */
export function recordOf(event: WebhookEvent, id: string): string {
  const object = [event.objectId, event.primaryObjectId, event.fromObjectId].find(isId);
  if (object === undefined) return `${event.portalId}::${id}`;
  const objectTypeId = objectTypeOf(event);
  const [name = ''] = event.subscriptionType.split('.');
  const family = name.replaceAll(SPECIAL, '_');
  const type =
    family === 'object' && typeof objectTypeId === 'string' && isId(objectTypeId)
      ? (TYPE_NAMES.get(objectTypeId) ?? objectTypeId)
      : family;
  return recordKey(event.portalId, type, object);
}

/** Of an `object.*` event; of an association, the type of its `from` end. */
export const objectTypeOf = ({ objectTypeId, fromObjectTypeId }: WebhookEvent): string | undefined =>
  objectTypeId ?? fromObjectTypeId;

export const isAssociationChange = (type: string) => type.endsWith('.associationChange');

/** Ids of the contacts at the ends of an association. An end of unknown type may be a contact, and counts. */
export function contactsOfAssociation(event: WebhookEvent): string[] {
  if (!isAssociationChange(event.subscriptionType)) return [];
  const { fromObjectId, fromObjectTypeId, toObjectId, toObjectTypeId } = event;
  // `CONTACT_TO_COMPANY`; a label may follow.
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

/** The key of a record by the object type of a card: CONTACT, or a type id. */
export const recordKeyOfType = (portalId: number, objectType: string, object: string) =>
  recordKey(portalId, TYPE_NAMES.get(objectType) ?? objectType.toLowerCase(), object);

export const recordKey = (portalId: number, type: string, object: number | string) =>
  `${portalId}:${type}:${object}`;
