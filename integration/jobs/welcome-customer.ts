import { z } from 'zod';
import { defineJob } from '#app';
import { appActivity } from '../app-events/app-activity.ts';

/** Example job: notes on a contact's timeline that it became a customer. Queued by the example card. */
export const welcomeCustomer = defineJob({
  name: 'welcome-customer',
  payload: z.object({ portalId: z.number(), contactId: z.string() }),

  async run({ portalId, contactId }, { sendTimelineEvent, log }) {
    await sendTimelineEvent(portalId, {
      // The same for every attempt, so that a retry sends no second event.
      id: `customer-${contactId}`,
      type: appActivity,
      objectId: contactId,
      properties: { title: 'Became a customer', source: 'card' },
    });
    log.info('welcomed a customer');
  },
});
