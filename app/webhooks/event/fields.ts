import { isId, type WebhookEvent } from './event.ts';

const isText = (value: unknown) => typeof value === 'string' && value !== '';

/** Fields that some types promise, and what a usable value of each is. */
const CHECKS = {
  objectId: isId,
  objectTypeId: isText,
  propertyName: isText,
  primaryObjectId: isId,
  mergedObjectIds: (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isId),
  fromObjectId: isId,
  toObjectId: isId,
  messageId: isText,
} as const;

type Field = keyof typeof CHECKS;

const RECORD = {
  creation: ['objectId'],
  deletion: ['objectId'],
  restore: ['objectId'],
  propertyChange: ['objectId', 'propertyName'],
  merge: ['primaryObjectId', 'mergedObjectIds'],
} as const;
const ASSOCIATED = { ...RECORD, associationChange: ['fromObjectId', 'toObjectId'] } as const;

/**
 * The types that a handler may listen to, and the fields that their events always have. Handlers are typed from it, and
 * events are checked against it. @see platform: webhooks, common event fields
 */
export const PROMISED_FIELDS = {
  ...typesOf('contact', { ...ASSOCIATED, privacyDeletion: ['objectId'] }),
  ...typesOf('company', ASSOCIATED),
  ...typesOf('deal', ASSOCIATED),
  ...typesOf('ticket', ASSOCIATED),
  ...typesOf('line_item', ASSOCIATED),
  ...typesOf('product', RECORD),
  ...typesOf('object', {
    creation: ['objectId', 'objectTypeId'],
    deletion: ['objectId', 'objectTypeId'],
    restore: ['objectId', 'objectTypeId'],
    propertyChange: ['objectId', 'objectTypeId', 'propertyName'],
    // HubSpot does not document which ids a generic merge has.
    merge: ['objectTypeId'],
    associationChange: ['fromObjectId', 'toObjectId'],
  }),
  ...typesOf('conversation', {
    creation: ['objectId'],
    deletion: ['objectId'],
    privacyDeletion: ['objectId'],
    newMessage: ['objectId', 'messageId'],
    propertyChange: ['objectId', 'propertyName'],
  }),
  // Ours, once per install: HubSpot sends no webhook for either. `objectId` is the install's id, the same in both and
  // larger at each reinstall.
  ...typesOf('app', { installed: ['objectId'], uninstalled: ['objectId'] }),
};

type TypesOf<Subject extends string, Changes> = {
  readonly [Change in keyof Changes & string as `${Subject}.${Change}`]: Changes[Change];
};

function typesOf<Subject extends string, const Changes extends Record<string, readonly Field[]>>(
  subject: Subject,
  changes: Changes,
) {
  return Object.fromEntries(
    Object.entries(changes).map(([change, fields]) => [`${subject}.${change}`, fields]),
  ) as TypesOf<Subject, Changes>;
}

/** Whether a handler may listen to the type. */
export const isSubscriptionType = (type: string): type is keyof typeof PROMISED_FIELDS =>
  Object.hasOwn(PROMISED_FIELDS, type);

/** It lacks a field that its type promises; that will not change, so it is not retried. */
export class InvalidEvent extends Error {
  override readonly name = 'InvalidEvent';
}

/** The first promised field that the event lacks, or has no usable value of. */
export function missingField(event: WebhookEvent): string | undefined {
  const { subscriptionType } = event;
  const fields: readonly Field[] = isSubscriptionType(subscriptionType)
    ? PROMISED_FIELDS[subscriptionType]
    : [];
  return fields.find((field) => !CHECKS[field](event[field]));
}

/** Why no handler may be called with the event; undefined when it has what its type promises. */
export function invalidity(event: WebhookEvent): string | undefined {
  const field = missingField(event);
  return field && `The event has no usable ${field}, so no handler was called.`;
}
