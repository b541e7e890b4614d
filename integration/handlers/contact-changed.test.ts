import { expect, it } from '@jest/globals';
import { startWorld, until } from '#test';

it('the example handler puts an event on the timeline when a contact changes', async () => {
  const world = await startWorld({ worker: true });
  try {
    expect((await world.install()).status).toBe(200);
    const event = { subscriptionType: 'contact.propertyChange', portalId: 62515, objectId: 101 };
    await world.sandbox.control('webhooks', {
      events: [{ ...event, propertyName: 'phone', propertyValue: '123' }],
    });
    await until('the event', async () => {
      const { results } = await world.sandbox.read('timeline?portalId=62515&email=jane@example.com');
      return results[0]?.header === 'phone is now 123';
    });
  } finally {
    await world.close();
  }
});
