import { defineAppEvent, defineHandler, type NewTimelineEvent } from '#app';

const order = defineAppEvent({
  name: 'order',
  objectType: 'CONTACT',
  properties: {
    number: { label: 'Number', type: 'string' },
    total: { label: 'Total', type: 'number' },
  },
});

/** What the compiler accepts of an app event, and what it refuses. `npm run typecheck` checks this file; nothing runs it. */
defineHandler({
  name: 'orders',
  on: 'contact.creation',
  async handle(_event, { sendTimelineEvent }) {
    const properties = { number: 'A1', total: 12 };
    await sendTimelineEvent({ type: order, objectId: '101', properties });
    await sendTimelineEvent({ type: order, email: 'jane@example.com', properties: { number: 'A1' } });
    await sendTimelineEvent({ email: 'jane@example.com', utk: 'a-cookie' });
    await sendTimelineEvent({
      domain: 'example.com',
      eventTypeName: 'ae1_other',
      properties: { any: 'text' },
    });
    // @ts-expect-error it names no record
    await sendTimelineEvent({ type: order, properties });
    // @ts-expect-error it names two
    await sendTimelineEvent({ objectId: '101', email: 'jane@example.com' });
    // @ts-expect-error a cookie alone names nobody
    await sendTimelineEvent({ utk: 'a-cookie' });
    // @ts-expect-error the type has no such property
    await sendTimelineEvent({ type: order, objectId: '101', properties: { nubmer: 'A1' } });
    // @ts-expect-error the property is a number
    await sendTimelineEvent({ type: order, objectId: '101', properties: { total: 'twelve' } });
  },
});

export const targets: NewTimelineEvent[] = [
  { objectId: '101' },
  { domain: 'example.com' },
  // @ts-expect-error ids are text
  { objectId: 101 },
];

// @ts-expect-error HubSpot shows app events on no such type
defineAppEvent({ name: 'odd', objectType: 'PRODUCT', properties: {} });
