import { valueBefore } from '../hubspot/apis/property-history.ts';
import { HubSpotError } from '../hubspot/client/errors.ts';
import type { PortalClient } from '../hubspot/portal-client.ts';
import type { SubscriptionType, WebhookEvents } from './handler.ts';

/** Of records: conversations have no history. */
type RecordChange = WebhookEvents[Exclude<
  Extract<SubscriptionType, `${string}.propertyChange`>,
  'conversation.propertyChange'
>];

/** The types of records by the first word of their events; those of `object.*` name the type. */
const TYPES: Readonly<Record<string, string>> = {
  contact: 'contacts',
  company: 'companies',
  deal: 'deals',
  ticket: 'tickets',
  line_item: 'line_items',
  product: 'products',
};

/**
 * What a property was before the change that an event reports; HubSpot's events tell the new value alone. Where it
 * equals `event.propertyValue`, nothing has changed. One call, which needs the scope to read records of the type.
 * @returns `null` when the property had no value, `undefined` when HubSpot's history does not tell or the record is gone.
 */
export async function previousValue(
  hubspot: Pick<PortalClient, 'objects'>,
  event: RecordChange,
): Promise<string | null | undefined> {
  const { objectId, objectTypeId = '', propertyName, subscriptionType } = event;
  const [subject = ''] = subscriptionType.split('.');
  try {
    const { propertiesWithHistory = {} } = await hubspot
      .objects(TYPES[subject] ?? objectTypeId)
      .get(String(objectId), [propertyName], { propertiesWithHistory: [propertyName] });
    return valueBefore(propertiesWithHistory[propertyName] ?? [], event);
  } catch (error) {
    if (error instanceof HubSpotError && error.status === 404) return undefined;
    throw error;
  }
}
