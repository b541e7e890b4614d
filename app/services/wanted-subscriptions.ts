import type { AnyWebhookHandler } from '../webhooks/handler.ts';
import { isKnownType, KNOWN_TYPES } from './webhook-event.ts';

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

/** What the handlers have to be subscribed to, each once, in the order of the registry. */
export function wantedSubscriptions(handlers: readonly AnyWebhookHandler[]): WantedSubscription[] {
  const wanted = handlers.flatMap(subscriptionsOf);
  return [...new Map(wanted.map((subscription) => [subscriptionKey(subscription), subscription])).values()];
}

/** Two subscriptions with one key are the same to HubSpot. */
export function subscriptionKey({
  eventType,
  objectTypeId,
  propertyName,
}: {
  eventType: string;
  objectTypeId?: string | null | undefined;
  propertyName?: string | null | undefined;
}): string {
  // What HubSpot adds of its own, such as the object type of `contact.creation`, makes no difference.
  const objectType = isGeneric(eventType) ? (OBJECT_TYPE_IDS[objectTypeId ?? ''] ?? objectTypeId) : undefined;
  const property = isPropertyChange(eventType) ? propertyName : undefined;
  return [eventType, objectType, property].filter(Boolean).join(' ');
}

/** What projects call the object types. */
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

/** Why HubSpot could never call a handler, or would call it for less than it expects; undefined when all is well. */
export function subscriptionProblem({ on, when = {} }: AnyWebhookHandler): string | undefined {
  const { properties, objectTypeIds } = when;
  const silent = (properties ?? []).filter((property) => SILENT_PROPERTIES.includes(property));
  if (!isKnownType(on)) return `there is no subscription type ${on}${didYouMean(on)}.`;
  if (on === 'product.associationChange') return `HubSpot has no events ${on}.`;
  const empty = Object.entries(when).find(([, values]) => values?.length === 0);
  if (empty) return `when.${empty[0]} is empty, so no event would match: name some, or leave it out.`;
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

/** The known type with most of the same letters, where one differs by a slip of the pen. */
function didYouMean(on: string): string {
  const plain = (type: string) => type.toLowerCase().replaceAll(/[^a-z.]/g, '');
  const found = [...KNOWN_TYPES].find(
    (type) =>
      plain(type) === plain(on) || plain(on).startsWith(plain(type)) || plain(type).startsWith(plain(on)),
  );
  return found ? `; did you mean ${found}?` : '. README lists those that there are';
}

function subscriptionsOf({ on: eventType, when = {} }: AnyWebhookHandler): WantedSubscription[] {
  // Ours: HubSpot knows nothing of them.
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
