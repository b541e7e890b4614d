import { type Cases, refused } from '../world.ts';

const TARGET = { targetUrl: 'https://app.example.com/webhook', throttling: { maxConcurrentRequests: 20 } };

export const webhookSettingsCases: Cases = {
  'reads and changes where HubSpot delivers to': async ({ services: { webhookSettings } }) => {
    await webhookSettings.settings();
    await webhookSettings.changeSettings(TARGET);
  },

  'subscribes, pauses nothing, and unsubscribes': async ({ services: { webhookSettings } }) => {
    const { id } = await webhookSettings.subscribe({
      eventType: 'contact.propertyChange',
      propertyName: 'city',
    });
    await webhookSettings.subscribe({ eventType: 'object.creation', objectTypeId: '0-2' });
    await webhookSettings.activate(id);
    await webhookSettings.subscriptions();
    await webhookSettings.unsubscribe(id);
    await refused(404, webhookSettings.activate(id));
  },

  'is refused an event type without its property': ({ services: { webhookSettings } }) =>
    refused(400, webhookSettings.subscribe({ eventType: 'contact.propertyChange' })),
};
