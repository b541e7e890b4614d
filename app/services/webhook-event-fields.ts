import { isId, type WebhookEvent } from './webhook-event.ts';

type Field = keyof WebhookEvent & string;

/** Fields that the events of each kind of change carry. @see platform: webhooks, common event fields */
const BY_CHANGE: Readonly<Record<string, readonly Field[]>> = {
  creation: ['objectId'],
  deletion: ['objectId'],
  restore: ['objectId'],
  propertyChange: ['objectId', 'propertyName'],
  merge: ['primaryObjectId', 'mergedObjectIds'],
  associationChange: ['fromObjectId', 'toObjectId'],
  privacyDeletion: ['objectId'],
  newMessage: ['objectId', 'messageId'],
  // Ours.
  installed: ['objectId'],
  uninstalled: ['objectId'],
};

/** Types whose events differ from others of their kind. HubSpot does not document which ids a generic merge has. */
const BY_TYPE: Readonly<Record<string, readonly Field[]>> = {
  'object.creation': ['objectId', 'objectTypeId'],
  'object.deletion': ['objectId', 'objectTypeId'],
  'object.restore': ['objectId', 'objectTypeId'],
  'object.propertyChange': ['objectId', 'objectTypeId', 'propertyName'],
  'object.merge': ['objectTypeId'],
};

const isText = (value: unknown) => typeof value === 'string' && value !== '';

const CHECKS: Partial<Record<Field, (value: unknown) => boolean>> = {
  objectTypeId: isText,
  propertyName: isText,
  messageId: isText,
  mergedObjectIds: (value) => Array.isArray(value) && value.length > 0 && value.every(isId),
};

/** It lacks a field that its type promises; that will not change, so it is not tried again. */
export class InvalidEvent extends Error {
  override readonly name = 'InvalidEvent';
}

/** The fields that every event of the type has. */
export function promisedFields(subscriptionType: string): readonly Field[] {
  const own = Object.hasOwn(BY_TYPE, subscriptionType) ? BY_TYPE[subscriptionType] : undefined;
  const change = subscriptionType.split('.')[1] ?? '';
  return own ?? (Object.hasOwn(BY_CHANGE, change) ? BY_CHANGE[change] : undefined) ?? [];
}

/** The first promised field that the event lacks, or has no usable value of. */
export const missingField = (event: WebhookEvent): Field | undefined =>
  promisedFields(event.subscriptionType).find((field) => !(CHECKS[field] ?? isId)(event[field]));

/** @throws {InvalidEvent} */
export function requireWhole(event: WebhookEvent): void {
  const field = missingField(event);
  if (field) throw new InvalidEvent(`The event has no usable ${field}, so no handler was called.`);
}
