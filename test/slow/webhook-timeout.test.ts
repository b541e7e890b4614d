import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Hubspot, startHubspot } from '../sandbox/hubspot.ts';
import { startReceiver } from '../sandbox/receiver.ts';

let app: Awaited<ReturnType<typeof startReceiver>>;
let hubspot: Hubspot;
beforeAll(async () => {
  app = await startReceiver();
  hubspot = await startHubspot(app.url);
});
afterAll(async () => {
  await hubspot.close();
  await app.close();
});

it('the sandbox gives up on a webhook after five seconds, as HubSpot does', async () => {
  app.answerWith(() => new Promise(() => {}));
  const { body } = await hubspot.control('/webhooks', { events: [{ objectId: 1 }] });
  expect(body.deliveries).toMatchObject([{ status: 0, attempt: 0 }]);
  expect(body.deliveries[0].ms).toBeGreaterThanOrEqual(4_990);
});
