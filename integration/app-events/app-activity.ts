import { defineAppEvent } from '#app';

/** Example event type; hubspot-project/src/app/app-events/app-activity-hsmeta.json declares it to HubSpot. */
export const appActivity = defineAppEvent({
  name: 'app-activity',
  objectType: 'CONTACT',
  properties: {
    title: { label: 'Title', type: 'string', default: 'You got approval!' },
    source: { label: 'Source', type: 'string' },
  },
});
