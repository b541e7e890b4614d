import { HubSpotError } from '../hubspot/errors.ts';
import type { WebhookHandler } from './handler.ts';

/** Example handler: notes on a contact's timeline that one of its properties changed. */
export const contactChanged: WebhookHandler = {
  name: 'contact-changed',
  on: 'contact.propertyChange',

  async handle(event, { hubspot, log, eventKey, sendTimelineEvent }) {
    // Events may come late and out of order: the record as it is now is the truth.
    const contact = await hubspot.contacts.get(String(event.objectId)).catch((error) => {
      if (error instanceof HubSpotError && error.status === 404) return undefined;
      throw error;
    });
    if (!contact) {
      log.info('the contact is gone; nothing to do');
      return;
    }
    const property = event.propertyName ?? 'a property';
    await sendTimelineEvent({
      id: `contact-changed-${eventKey}`,
      objectId: contact.id,
      timestamp: new Date(event.occurredAt ?? Date.now()).toISOString(),
      properties: { title: `${property} is now ${event.propertyValue || 'empty'}`, source: 'webhook' },
      extraData: {
        message: `${contact.properties.email ?? `Contact ${contact.id}`} was changed in HubSpot.`,
      },
    });
  },
};
