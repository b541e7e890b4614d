import { defineHandler, HubSpotError } from '#app';
import { appActivity } from '../app-events/app-activity.ts';

/** Example handler: notes on a contact's timeline that one of its properties changed. */
export const contactChanged = defineHandler({
  name: 'contact-changed',
  on: 'contact.propertyChange',
  when: { properties: ['lifecyclestage', 'firstname', 'lastname', 'email', 'phone', 'company', 'jobtitle'] },

  async handle(event, { hubspot, log, eventId, sendTimelineEvent }) {
    // Events may come late and out of order: the record as it is now is the truth.
    const contact = await hubspot.contacts.get(event.objectId).catch((error) => {
      if (error instanceof HubSpotError && error.status === 404) return undefined;
      throw error;
    });
    if (!contact) {
      log.info('the contact is gone; nothing to do');
      return;
    }
    await sendTimelineEvent({
      id: `contact-changed-${eventId}`,
      type: appActivity,
      objectId: contact.id,
      timestamp: new Date(event.occurredAt ?? Date.now()).toISOString(),
      properties: {
        title: `${event.propertyName} is now ${event.propertyValue || 'empty'}`,
        source: 'webhook',
      },
      extraData: {
        message: `${contact.properties.email ?? `Contact ${contact.id}`} was changed in HubSpot.`,
      },
    });
  },
});
