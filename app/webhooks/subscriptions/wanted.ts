import {
  EVENT_SCHEMAS,
  isGeneric,
  isKnownType,
  isLifecycle,
  isPropertyChange,
  isSubscriptionType,
} from '../event/handler-event.ts';
import { type AnyWebhookHandler, typesOf } from '../handler.ts';

/** A subscription that the handlers need. */
export interface WantedSubscription {
  /** Such as `contact.propertyChange`. */
  readonly eventType: string;
  /** `object.*` only. */
  readonly objectTypeId?: string;
  /** `*.propertyChange` only. */
  readonly propertyName?: string;
}

/** HubSpot has no events for their changes. @see platform: webhooks, event types */
const SILENT_PROPERTIES = ['num_unique_conversion_events', 'hs_lastmodifieddate'];

/** The subscriptions that the handlers need, without duplicates, in the order of the handlers. */
export function wantedSubscriptions(handlers: readonly AnyWebhookHandler[]): WantedSubscription[] {
  const wanted = handlers.flatMap(subscriptionsOf);
  return [...new Map(wanted.map((subscription) => [subscriptionKey(subscription), subscription])).values()];
}

/** Subscriptions with the same key are the same for HubSpot. */
export function subscriptionKey({
  eventType,
  objectTypeId,
  propertyName,
}: {
  eventType: string;
  objectTypeId?: string | null | undefined;
  propertyName?: string | null | undefined;
}): string {
  // HubSpot adds fields that make no difference, such as the object type of `contact.creation`.
  const objectType = isGeneric(eventType) ? (OBJECT_TYPE_IDS[objectTypeId ?? ''] ?? objectTypeId) : undefined;
  const property = isPropertyChange(eventType) ? propertyName : undefined;
  return [eventType, objectType, property].filter(Boolean).join(' ');
}

/** The names of object types in project files. */
const OBJECT_TYPE_IDS: Record<string, string> = {
  contact: '0-1',
  company: '0-2',
  deal: '0-3',
  ticket: '0-5',
  product: '0-7',
  line_item: '0-8',
};

export const objectTypeName = (id: string): string =>
  Object.entries(OBJECT_TYPE_IDS).find(([, known]) => known === id)?.[0] ?? id;

/**
 * Why a handler would get no events, or fewer than it expects. The compiler checks the same in TypeScript.
 * @returns undefined when there is no problem.
 */
export function subscriptionProblem(handler: AnyWebhookHandler): string | undefined {
  const { properties, changeSources, objectTypeIds } = handler.when ?? {};
  const types: readonly string[] = typesOf(handler);
  const [first = ''] = types;
  const [subject, kind] = first.split('.');
  const unknown = types.find((type) => !isKnownType(type));
  const undocumented = types.find((type) => !isSubscriptionType(type));
  const change = types.find(isPropertyChange);
  const generic = types.find(isGeneric);
  const silent = (properties ?? []).filter((property) => SILENT_PROPERTIES.includes(property));
  if (unknown !== undefined) return `there is no subscription type ${unknown}${didYouMean(unknown)}`;
  if (undocumented) return `HubSpot sends no events ${undocumented}, or does not document them.`;
  if (change && !properties)
    return `it listens to ${change}, which HubSpot sends for named properties only: list them in when.properties.`;
  if (!change && properties)
    return `events ${types.join(', ')} have no property, so when.properties has no effect: use ${subject}.propertyChange, or remove the condition.`;
  if (silent.length > 0) return `HubSpot sends no events for changes of ${silent.join(', ')}.`;
  if (generic && !objectTypeIds)
    return `it listens to ${generic}, which HubSpot sends for named object types only: list them in when.objectTypeIds, such as 0-1.`;
  if (!generic && objectTypeIds)
    return `events ${types.join(', ')} have no object type, so when.objectTypeIds has no effect: use object.${kind}, or remove the condition.`;
  if (changeSources && types.every(isLifecycle))
    return `events ${types.join(', ')} have no change source, so when.changeSources has no effect: remove the condition.`;
  return undefined;
}

/** The type that differs by its ending or by case, or else all types of the same object. */
function didYouMean(on: string): string {
  const types = Object.keys(EVENT_SCHEMAS);
  const [given, [subject]] = [on.toLowerCase(), on.split('.')];
  const close = types.find((type) => given.startsWith(type.toLowerCase()) || given === type.toLowerCase());
  if (close) return `; did you mean ${close}?`;
  const siblings = types.filter((type) => type.split('.')[0] === subject);
  if (siblings.length > 0) return `; there are ${siblings.join(', ')}`;
  return `; there are types of ${[...new Set(types.map((type) => type.split('.')[0]))].join(', ')}`;
}

function subscriptionsOf(handler: AnyWebhookHandler): WantedSubscription[] {
  // HubSpot does not know the events that this server publishes itself.
  const types = typesOf(handler).filter((type) => !isLifecycle(type));
  return types.flatMap((type) => subscriptionsOfType(type, handler.when));
}

function subscriptionsOfType(eventType: string, when: AnyWebhookHandler['when'] = {}): WantedSubscription[] {
  const objectTypes = isGeneric(eventType) ? (when.objectTypeIds ?? []) : [undefined];
  const properties = isPropertyChange(eventType) ? (when.properties ?? []) : [undefined];
  return objectTypes.flatMap((objectTypeId) =>
    properties.map((propertyName) => ({
      eventType,
      ...(objectTypeId && { objectTypeId }),
      ...(propertyName && { propertyName }),
    })),
  );
}
