import { z } from 'zod';
import { isId, type WebhookEvent } from './event.ts';

/** Text, because a number cannot hold every id of HubSpot's exactly; a number that may be rounded is no usable id. */
const isExactId = (value: unknown) =>
  isId(value) && (typeof value === 'string' || Number.isSafeInteger(value));
const id = z.custom<number | string>(isExactId).transform(String);
const text = z.string().min(1);

/** HubSpot may leave the field out. A value of another type counts as left out; it is still under `raw`. */
const optional = <Value extends z.ZodType>(value: Value) => value.optional().catch(undefined);

/** Also as text: `associationRemoved` that is left out would turn a removal into an addition. */
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((value) => value === 'true')]);

const COMMON = {
  /** HubSpot's; it is not unique, `context.eventId` is. */
  eventId: optional(id),
  subscriptionId: optional(id),
  appId: optional(id),
  /** Milliseconds since 1970. */
  occurredAt: optional(z.number()),
  /** Counted from 0; differs between copies of one event. */
  attemptNumber: optional(z.number()),
  /** Such as CRM, CRM_UI, API, INTEGRATION, IMPORT. */
  changeSource: optional(z.string()),
  /** Such as NEW, UPDATED, DELETED. */
  changeFlag: optional(z.string()),
  /** Such as `userId:123`. */
  sourceId: optional(z.union([z.string(), z.number().transform(String)])),
};

const OBJECT = { ...COMMON, objectId: id };

const CHANGE = {
  ...OBJECT,
  propertyName: text,
  /** Null when the property was cleared or HubSpot sends no value. */
  propertyValue: z
    .union([z.string(), z.number().transform(String), z.boolean().transform(String)])
    .nullish()
    .transform((value) => value ?? null),
};

const MERGE = {
  ...COMMON,
  objectId: optional(id),
  primaryObjectId: id,
  mergedObjectIds: z.array(id).min(1).readonly(),
  newObjectId: optional(id),
  numberOfPropertiesMoved: optional(z.number()),
};

const ASSOCIATION_CHANGE = {
  ...COMMON,
  fromObjectId: id,
  toObjectId: id,
  /** Such as `CONTACT_TO_COMPANY`. */
  associationType: optional(z.string()),
  associationRemoved: optional(flag),
  isPrimaryAssociation: optional(flag),
};

/** `0-1` contact, `0-2` company, `0-3` deal, `0-5` ticket, `2-…` custom objects. */
const OBJECT_TYPE = { objectTypeId: text };

const object = z.object(OBJECT);
const change = z.object(CHANGE);
const merge = z.object(MERGE);
const genericObject = z.object({ ...OBJECT_TYPE, ...OBJECT });

const RECORD = { creation: object, deletion: object, restore: object, propertyChange: change, merge };
const ASSOCIATED = { ...RECORD, associationChange: z.object(ASSOCIATION_CHANGE) };

/**
 * The types that a handler can subscribe to, and what their events have. Events are parsed by it, and the types of
 * handlers come from it. @see platform: webhooks, common event fields
 */
export const EVENT_SCHEMAS = {
  ...typesOf('contact', { ...ASSOCIATED, privacyDeletion: object }),
  ...typesOf('company', ASSOCIATED),
  ...typesOf('deal', ASSOCIATED),
  ...typesOf('ticket', ASSOCIATED),
  ...typesOf('line_item', ASSOCIATED),
  ...typesOf('product', RECORD),
  ...typesOf('object', {
    creation: genericObject,
    deletion: genericObject,
    restore: genericObject,
    propertyChange: z.object({ ...OBJECT_TYPE, ...CHANGE, isSensitive: optional(flag) }),
    // HubSpot does not document which ids a generic merge has.
    merge: z.object({
      ...OBJECT_TYPE,
      ...MERGE,
      primaryObjectId: optional(id),
      mergedObjectIds: optional(MERGE.mergedObjectIds),
    }),
    // It has an object type for each end in place of one, but HubSpot does not document that it always does.
    associationChange: z.object({
      ...ASSOCIATION_CHANGE,
      objectTypeId: optional(text),
      fromObjectTypeId: optional(text),
      toObjectTypeId: optional(text),
    }),
  }),
  ...typesOf('conversation', {
    creation: object,
    deletion: object,
    privacyDeletion: object,
    /** `messageType`: MESSAGE or COMMENT. */
    newMessage: z.object({ ...OBJECT, messageId: text, messageType: optional(z.string()) }),
    propertyChange: change,
  }),
  // Published by this server, once per install: HubSpot sends no webhook for either. `objectId` is the id of the
  // install: the same in both, and larger after each reinstall.
  ...typesOf('app', { installed: object, uninstalled: object }),
};

type TypesOf<Subject extends string, Changes> = {
  readonly [Change in keyof Changes & string as `${Subject}.${Change}`]: Changes[Change];
};

function typesOf<Subject extends string, Changes extends Record<string, z.ZodType>>(
  subject: Subject,
  changes: Changes,
) {
  return Object.fromEntries(
    Object.entries(changes).map(([change, schema]) => [`${subject}.${change}`, schema]),
  ) as TypesOf<Subject, Changes>;
}

/** A type of event that a handler can subscribe to. */
export type SubscriptionType = keyof typeof EVENT_SCHEMAS;

export type PropertyChangeType = Extract<SubscriptionType, `${string}.propertyChange`>;
export type GenericType = Extract<SubscriptionType, `object.${string}`>;
export type LifecycleType = Extract<SubscriptionType, `app.${string}`>;

/** HubSpot's descriptions name these too, but it sends no such events or does not document them. */
const UNDOCUMENTED = ['product.associationChange', 'event.completed'];

export const isKnownType = (type: string) => isSubscriptionType(type) || UNDOCUMENTED.includes(type);

export const isSubscriptionType = (type: string): type is SubscriptionType =>
  Object.hasOwn(EVENT_SCHEMAS, type);
export const isPropertyChange = (type: string) => type.endsWith('.propertyChange');
export const isGeneric = (type: string) => type.startsWith('object.');
/** Events that this server publishes itself. */
export const isLifecycle = (type: string) => type.startsWith('app.');

type ReadonlyEvent<Fields> = { readonly [Field in keyof Fields]: Fields[Field] };

/**
 * The event that a handler of the type gets; `subscriptionType` tells the members of a union apart. All ids are strings.
 * `Property` narrows `propertyName`.
 */
export type EventOf<
  Type extends SubscriptionType,
  Property extends string = string,
> = Type extends SubscriptionType
  ? ReadonlyEvent<
      {
        subscriptionType: Type;
        portalId: string;
        /** Whether this app made the change that the event reports. */
        isOwnWrite: boolean;
        /** The whole item as HubSpot sent it, numbers that JavaScript would round as text. */
        raw: Readonly<Record<string, unknown>>;
      } & Narrowed<z.output<(typeof EVENT_SCHEMAS)[Type]>, Property>
    >
  : never;

type Narrowed<Fields, Property extends string> = Fields extends { propertyName: string }
  ? Omit<Fields, 'propertyName'> & { propertyName: Property }
  : Fields;

export type HandlerEvent = EventOf<SubscriptionType>;

type Ending<Change extends string> = Extract<SubscriptionType, `${string}.${Change}`>;

export type CreationEvent = EventOf<Ending<'creation'>>;
export type DeletionEvent = EventOf<Ending<'deletion'>>;
export type RestoreEvent = EventOf<Ending<'restore'>>;
export type PropertyChangeEvent<Property extends string = string> = EventOf<PropertyChangeType, Property>;
export type MergeEvent = EventOf<Ending<'merge'>>;
export type AssociationChangeEvent = EventOf<Ending<'associationChange'>>;
export type PrivacyDeletionEvent = EventOf<Ending<'privacyDeletion'>>;
/** Of records of any type, custom objects too. */
export type ObjectEvent = EventOf<GenericType>;
export type ConversationEvent = EventOf<Extract<SubscriptionType, `conversation.${string}`>>;
export type LifecycleEvent = EventOf<LifecycleType>;

/** The event lacks a field that its type promises. A retry cannot change that. */
export class InvalidEvent extends Error {
  override readonly name = 'InvalidEvent';
}

export type ReadEvent =
  | { readonly event: HandlerEvent; readonly invalid?: undefined }
  | { readonly event?: undefined; readonly invalid: string };

/** What handlers get, or why the event cannot be handed to any. */
export function readEvent(received: WebhookEvent, isOwnWrite: boolean): ReadEvent {
  const { subscriptionType, portalId } = received;
  if (!isSubscriptionType(subscriptionType))
    return { invalid: `No handler can subscribe to ${subscriptionType}, so no handler was called.` };
  const parsed = EVENT_SCHEMAS[subscriptionType].safeParse(received);
  if (!parsed.success) {
    const field = parsed.error.issues[0]?.path[0]?.toString();
    return { invalid: `The event has no usable ${field}, so no handler was called.` };
  }
  const { isOwnWrite: _, ...raw } = received;
  const event = { subscriptionType, portalId: String(portalId), isOwnWrite, ...parsed.data, raw };
  return { event: event as unknown as HandlerEvent };
}
