import type { AnyWebhookHandler } from '../webhooks/handler.ts';

/** A subscription that the handlers need. */
export interface WantedSubscription {
  /** Such as `contact.propertyChange`. */
  readonly eventType: string;
  /** `object.*` only. */
  readonly objectTypeId?: string;
  /** `*.propertyChange` only. */
  readonly propertyName?: string;
}

/** A handler in `app/webhooks/` that HubSpot could never be asked to call. */
export class HandlerError extends Error {
  override readonly name = 'HandlerError';
}

/** HubSpot has no events for their changes. @see platform: webhooks, event types */
const SILENT_PROPERTIES = ['num_unique_conversion_events', 'hs_lastmodifieddate'];

/**
 * What the handlers have to be subscribed to, each once, in the order of the registry.
 * @throws {HandlerError} naming every handler that does not say enough.
 */
export function wantedSubscriptions(handlers: readonly AnyWebhookHandler[]): WantedSubscription[] {
  const problems = handlers.flatMap((handler) => problemOf(handler) ?? []);
  if (problems.length > 0) {
    throw new HandlerError(
      `Not every webhook handler can be subscribed:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
  }
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

function problemOf({ name, on, when = {} }: AnyWebhookHandler): string | undefined {
  const { properties = [], objectTypeIds = [] } = when;
  const silent = properties.filter((property) => SILENT_PROPERTIES.includes(property));
  if (on === 'product.associationChange') return `${name}: HubSpot has no events ${on}.`;
  if (isPropertyChange(on) && properties.length === 0) {
    return `${name}: it listens to ${on}, which HubSpot sends for named properties only: list them in when.properties.`;
  }
  if (isPropertyChange(on) && silent.length > 0) {
    return `${name}: HubSpot sends no events for changes of ${silent.join(', ')}.`;
  }
  if (isGeneric(on) && objectTypeIds.length === 0) {
    return `${name}: it listens to ${on}, which HubSpot sends for named object types only: list them in when.objectTypeIds, such as 0-1.`;
  }
  return undefined;
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
