/** The body of a delivery as HubSpot sends it; another one for each index and seed. */
export function webhookBody(index: number, eventsEach: number, seed: number): string {
  const events = Array.from({ length: eventsEach }, (_, at) => ({
    eventId: seed * 1e9 + index * eventsEach + at,
    subscriptionId: 12345,
    portalId: 62515 + (at % 3),
    appId: 193354,
    occurredAt: 1795219200000 + index,
    subscriptionType: 'contact.propertyChange',
    attemptNumber: 0,
    objectId: (index * eventsEach + at) % 5000,
    propertyName: 'lifecyclestage',
    propertyValue: 'customer',
    changeSource: 'CRM_UI',
    sourceId: 'userId:123',
  }));
  return JSON.stringify(events);
}
