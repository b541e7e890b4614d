import { valueBefore } from '../hubspot/apis/property-history.ts';
import { HubSpotError } from '../hubspot/client/errors.ts';
import type { PortalClient } from '../hubspot/portal-client.ts';
import type { EventOf, PropertyChangeType } from './event/handler-event.ts';

/** Of records: conversations have no history. */
type RecordChange = EventOf<Exclude<PropertyChangeType, 'conversation.propertyChange'>>;

/** Names of object types by the first word of their events; events of `object.*` name theirs. */
const TYPES: Readonly<Record<string, string>> = {
  contact: 'contacts',
  company: 'companies',
  deal: 'deals',
  ticket: 'tickets',
  line_item: 'line_items',
  product: 'products',
};

/**
 * The value of a property before the change that an event reports; HubSpot's events have only the new value. Where it
 * equals `event.propertyValue`, nothing has changed. One call, which needs the scope to read records of the type.
 * @returns `null` when the property had no value, `undefined` when it is not in HubSpot's history or the record is gone.
 */
export async function previousValue(
  hubspot: Pick<PortalClient, 'objects'>,
  event: RecordChange,
): Promise<string | null | undefined> {
  const { objectId, propertyName, subscriptionType } = event;
  const [subject = ''] = subscriptionType.split('.');
  const type = 'objectTypeId' in event ? event.objectTypeId : (TYPES[subject] ?? subject);
  try {
    const { propertiesWithHistory = {} } = await hubspot
      .objects(type)
      .get(objectId, [propertyName], { propertiesWithHistory: [propertyName] });
    return valueBefore(propertiesWithHistory[propertyName] ?? [], event);
  } catch (error) {
    if (error instanceof HubSpotError && error.status === 404) return undefined;
    throw error;
  }
}
