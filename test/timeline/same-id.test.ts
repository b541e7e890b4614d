import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { defineHandler } from '../../app/webhooks/handler.ts';
import { expectError } from '../helpers/expect-error.ts';
import { until } from '../helpers/until.ts';
import { anEvent, startWebhookWorld, type WebhookWorld } from '../helpers/webhook-world.ts';

const EMAIL = 'jane@example.com';
const EVENTS = '/integrators/timeline/2026-03/events';
const FIRST = {
  id: 'one',
  timestamp: '2026-11-21T09:00:00Z',
  properties: { title: 'Signed', source: '7' },
  extraData: { message: 'Hello', parts: [{ a: 1, b: 2 }] },
};

describe('an app event with an id that was used before', () => {
  let world: WebhookWorld;
  const titles: string[] = [];
  /** Sends the next of `titles`, and fails on the first attempt. */
  const tells = defineHandler({
    name: 'tells',
    on: 'contact.propertyChange',
    when: { properties: ['phone'] },
    async handle({ objectId }, { attempt, sendTimelineEvent }) {
      await sendTimelineEvent({
        id: 'told',
        objectId,
        properties: { title: titles.shift() ?? '' },
      });
      if (attempt === 1) throw new Error('a later step failed');
    },
  });
  beforeAll(async () => {
    world = await startWebhookWorld([tells]);
  });
  beforeEach(async () => {
    await world.sandbox.control('reset');
    await world.query('delete from timeline_events');
    expect((await world.install()).status).toBe(200);
  });
  afterAll(() => world.close());

  const put = (event: object, email = EMAIL) =>
    world.apiRequest('PUT', `/hubid/62515/timeline/${email}`, event);
  const sent = async () => (await world.sandbox.read(`requests?path=${EVENTS}`)).results.length;
  const titlesShown = async () =>
    (await world.sandbox.read(`timeline?portalId=62515&email=${EMAIL}`)).results.map(
      ({ properties }: typeof FIRST) => properties.title,
    );

  it.each<[string, object, string?]>([
    ['has the same content', FIRST],
    ['has its keys in another order', Object.fromEntries(Object.entries(FIRST).reverse())],
    [
      'has nested keys in another order',
      { ...FIRST, extraData: { parts: [{ b: 2, a: 1 }], message: 'Hello' } },
    ],
    ['has a number for its text', { ...FIRST, properties: { title: 'Signed', source: 7 } }],
    ['has the time of another zone', { ...FIRST, timestamp: '2026-11-21T10:00:00.000+01:00' }],
    ['has the address in capitals', FIRST, EMAIL.toUpperCase()],
  ])('is the same event when it %s', async (_what, event, email = EMAIL) => {
    expect((await put(FIRST)).status).toBe(200);
    const again = await put(event, email);
    expect([again.status, again.body]).toMatchObject([200, { id: 'one', state: 'sent' }]);
    expect(await sent()).toBe(1);
  });

  it.each<[string, object, string?]>([
    ['has another value', { ...FIRST, properties: { title: 'Cancelled', source: '7' } }],
    ['lacks a value', { ...FIRST, properties: { title: 'Signed' } }],
    ['has another time', { ...FIRST, timestamp: '2026-11-21T09:00:01Z' }],
    ['has none of the time', { ...FIRST, timestamp: undefined }],
    ['has other extra data', { ...FIRST, extraData: { message: 'Bye' } }],
    ['is for another contact', FIRST, 'john@example.com'],
  ])('is a conflict, and the first one stays, when it %s', async (_what, event, email = EMAIL) => {
    expect((await put(FIRST)).status).toBe(200);
    const message = await expectError(await put(event, email), 409, 'timeline_event_conflict');
    expect(message).toBe(
      'An event ae193354_app-activity with the id one was accepted before with other content, which HubSpot has. ' +
        'It stays as it is, and nothing was sent: HubSpot cannot change an event. Give the new event another id.',
    );
    expect(await sent()).toBe(1);
    expect(await titlesShown()).toEqual(['Signed']);
    // The first one is still what a retry is held against.
    expect((await put(FIRST)).status).toBe(200);
  });

  it('is a conflict while the first one waits, which is sent unchanged', async () => {
    await world.sandbox.control('failures', { method: 'POST', path: EVENTS, status: 503, times: 1 });
    expect((await put(FIRST)).status).toBe(202);
    const other = await put({ ...FIRST, properties: {} });
    expect(await expectError(other, 409, 'timeline_event_conflict')).toContain(
      'which still waits to be sent',
    );
    expect((await put(FIRST)).status).toBe(200);
    expect(await titlesShown()).toEqual(['Signed']);
  });

  it('replaces the first one when HubSpot refused that', async () => {
    const refused = await put({ ...FIRST, properties: { mood: 'glum' } });
    await expectError(refused, 400, 'refused_by_hubspot');
    expect((await put(FIRST)).status).toBe(200);
    expect(await titlesShown()).toEqual(['Signed']);
  });

  it('is the same event when the first one was sent by a release without digests', async () => {
    expect((await put(FIRST)).status).toBe(200);
    await world.query('update timeline_events set content_digest = null');
    expect((await put({ ...FIRST, properties: {} })).status).toBe(200);
    expect(await sent()).toBe(1);
  });

  it('leaves only a digest of its content after it was sent', async () => {
    expect((await put(FIRST)).status).toBe(200);
    const [row] = await world.query('select * from timeline_events');
    expect(row).toMatchObject({ state: 'sent', occurrence: null, content_digest: expect.any(Buffer) });
    expect(row.content_digest).toHaveLength(32);
    expect(JSON.stringify(row)).not.toContain('Signed');
  });

  it('keeps the first content when its handler is retried, and is an error for another event', async () => {
    titles.push('Is now 1', 'Is now 2', 'Is now 3');
    await world.deliver([anEvent()]);
    await world.settled();
    await world.retryNow();
    await until('its retry', async () => (await world.events(101))[0]?.state === 'done');
    expect(await titlesShown()).toEqual(['Is now 1']);

    await world.deliver([anEvent({ objectId: 102 })]);
    await world.settled();
    const [other] = await world.events(102);
    expect(other).toMatchObject({ state: 'retrying' });
    expect(other?.last_error).toContain('with the id told was accepted before with other content');
    expect(await titlesShown()).toEqual(['Is now 1']);
  });
});
