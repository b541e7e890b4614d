import { type Cases, refused } from '../world.ts';

const EVENT = { eventTypeName: 'ae193354_app-activity', email: 'jane@example.com' };

export const timelineCases: Cases = {
  'sends an event with every field, and the same one again': async ({ services }) => {
    const event = {
      ...EVENT,
      id: 'contract-1',
      timestamp: '2026-11-20T09:00:00Z',
      properties: { title: 'Signed', source: 'contract' },
      extraData: { message: 'with a message' },
    };
    await services.timeline.sendEvent(event);
    await services.timeline.sendEvent(event);
  },

  'sends an event to a record by id': ({ services }) =>
    services.timeline.sendEvent({
      eventTypeName: EVENT.eventTypeName,
      id: 'contract-2',
      objectId: '101',
      properties: {},
    }),

  'is refused a property that the event type does not have': ({ services }) =>
    refused(400, services.timeline.sendEvent({ ...EVENT, id: 'contract-3', properties: { nope: '1' } })),
};
