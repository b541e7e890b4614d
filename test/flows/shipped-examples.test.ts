import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from '@jest/globals';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const ROOT = path.join(import.meta.dirname, '..', '..', 'integration');
const HANDLER = path.join(ROOT, 'handlers', 'contact-changed.ts');
const CARD = path.join(ROOT, 'cards', 'contact-overview.ts');

/** A vendor may delete the examples: the path is no import that would have to exist. */
const load = (file: string) => import(pathToFileURL(file).href);

/** Skipped without the example. */
const itWith = (file: string) => (existsSync(file) ? it : it.skip);

async function inWorld(options: Parameters<typeof startWorld>[0], test: (world: World) => Promise<void>) {
  const world = await startWorld(options);
  try {
    expect((await world.install()).status).toBe(200);
    await test(world);
  } finally {
    await world.close();
  }
}

itWith(HANDLER)('the example handler puts an event on the timeline when a contact changes', async () => {
  const webhookHandlers = [(await load(HANDLER)).contactChanged];
  await inWorld({ worker: true, webhookHandlers }, async (world) => {
    const event = { subscriptionType: 'contact.propertyChange', portalId: 62515, objectId: 101 };
    await world.sandbox.control('webhooks', {
      events: [{ ...event, propertyName: 'phone', propertyValue: '123' }],
    });
    await until('the event', async () => {
      const { results } = await world.sandbox.read('timeline?portalId=62515&email=jane@example.com');
      return results[0]?.header === 'phone is now 123';
    });
  });
});

itWith(CARD)('the example card shows a contact when HubSpot asks', async () => {
  await inWorld({ cards: [(await load(CARD)).contactOverview] }, async (world) => {
    const asked = { portalId: 62515, objectType: 'CONTACT', objectId: '101' };
    const { status, body } = await world.sandbox.control('card', asked);
    expect([status, body.results[0].title]).toEqual([200, 'Jane Doe']);
  });
});
