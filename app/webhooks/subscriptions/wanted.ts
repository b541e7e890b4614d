import { isKnownType } from '../event/event.ts';
import { isSubscriptionType, PROMISED_FIELDS } from '../event/fields.ts';
import type { AnyWebhookHandler } from '../handler.ts';

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

/** Why HubSpot would send a handler no events, or fewer than it expects; undefined when there is no problem. */
export function subscriptionProblem({ on, when = {} }: AnyWebhookHandler): string | undefined {
  const { properties, objectTypeIds } = when;
  const silent = (properties ?? []).filter((property) => SILENT_PROPERTIES.includes(property));
  if (!isKnownType(on)) return `there is no subscription type ${on}${didYouMean(on)}`;
  if (!isSubscriptionType(on)) return `HubSpot sends no events ${on}, or does not document them.`;
  if (isPropertyChange(on) && !properties)
    return `it listens to ${on}, which HubSpot sends for named properties only: list them in when.properties.`;
  if (!isPropertyChange(on) && properties)
    return `events ${on} name no property, so when.properties would match none: use ${on.split('.')[0]}.propertyChange, or leave it out.`;
  if (silent.length > 0) return `HubSpot sends no events for changes of ${silent.join(', ')}.`;
  if (isGeneric(on) && !objectTypeIds)
    return `it listens to ${on}, which HubSpot sends for named object types only: list them in when.objectTypeIds, such as 0-1.`;
  if (!isGeneric(on) && objectTypeIds)
    return `events ${on} name no object type, so when.objectTypeIds would match none: use object.${on.split('.')[1]}, or leave it out.`;
  return undefined;
}

/** Suggests the type that differs only by its ending or case, otherwise the types of the same object. */
function didYouMean(on: string): string {
  const types = Object.keys(PROMISED_FIELDS);
  const [given, [subject]] = [on.toLowerCase(), on.split('.')];
  const close = types.find((type) => given.startsWith(type.toLowerCase()) || given === type.toLowerCase());
  if (close) return `; did you mean ${close}?`;
  const siblings = types.filter((type) => type.split('.')[0] === subject);
  if (siblings.length > 0) return `; there are ${siblings.join(', ')}`;
  return `; there are types of ${[...new Set(types.map((type) => type.split('.')[0]))].join(', ')}`;
}

function subscriptionsOf({ on: eventType, when = {} }: AnyWebhookHandler): WantedSubscription[] {
  // Not HubSpot's events, but this server's.
  if (eventType.startsWith('app.')) return [];
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

const isPropertyChange = (eventType: string) => eventType.endsWith('.propertyChange');
const isGeneric = (eventType: string) => eventType.startsWith('object.');
