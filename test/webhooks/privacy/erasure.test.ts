import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { NewTimelineEvent } from '../../../app/timeline/index.ts';
import { until } from '../../helpers/until.ts';
import { anEvent } from '../../helpers/webhook-world.ts';
import {
  change,
  EMAIL,
  NAME,
  OTHER,
  PERSON,
  type PrivacyWorld,
  privacyDeletion,
  startPrivacyWorld,
} from './privacy-world.ts';

describe('a privacy deletion', () => {
  let world: PrivacyWorld;
  beforeAll(async () => {
    world = await startPrivacyWorld();
  });
  beforeEach(() => world.reset());
  afterAll(() => world.close());

  it('erases the contact in every table: webhook events in every state, app events and rejected deliveries', async () => {
    expect((await world.install()).status).toBe(200);
    await world.deliver([
      change(PERSON, 'email', EMAIL),
      change(PERSON, 'dead', NAME),
      change(PERSON, 'firstname', NAME),
      anEvent({
        subscriptionType: 'object.propertyChange',
        objectTypeId: '0-1',
        objectId: PERSON,
        propertyValue: NAME,
      }),
    ]);
    await world.settled();
    // A body that is not an array, and an item without a type beside a valid event.
    await world.deliver({ portalId: 62515, objectId: PERSON, email: EMAIL });
    await world.deliver([
      { portalId: 62515, objectId: PERSON, name: NAME },
      anEvent({ subscriptionType: 'deal.creation' }),
    ]);
    await world.settled();
    // Two are waiting; HubSpot refuses the third.
    const properties = { title: NAME };
    await sendTimelineEvent(500, { objectId: String(PERSON), properties });
    await sendTimelineEvent(500, { email: EMAIL.toUpperCase(), properties });
    await sendTimelineEvent(400, { email: EMAIL, properties });
    const timeline = await world.query(
      'select state, count(*) from timeline_events group by state order by state',
    );
    expect(timeline).toEqual([
      { state: 'refused', count: 1 },
      { state: 'waiting', count: 2 },
    ]);
    expect(await world.mentions()).toEqual(['timeline_events', 'webhook_deliveries', 'webhook_events']);

    // A change that arrives together with the deletion is not handled.
    await world.deliver([privacyDeletion(), change(PERSON, 'lastname', NAME)]);
    const receipt = await world.erased();
    await world.settled();
    expect(await world.mentions()).toEqual([]);
    expect(world.handled).toEqual([`${PERSON} email`, `${PERSON} dead`, `${PERSON} firstname`]);
    expect(await world.states(PERSON)).toEqual(['done', 'erased', 'done', 'ignored', 'done', 'erased']);

    expect(receipt).toMatchObject({ portalId: 62515, record: `62515:contact:${PERSON}` });
    expect(Object.keys(receipt)).toEqual(['id', 'portalId', 'record', 'erasedAt', 'erased']);
    expect(receipt.erased).toEqual({ timeline_events: 2, webhook_events: 5, webhook_deliveries: 2 });
    expect(receipt.erasedAt.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  it('erases nobody else: other events of the same deliveries keep their payload', async () => {
    const elsewhere = { portalId: 62516 };
    await world.deliver([
      change(PERSON, 'email', EMAIL),
      change(OTHER, 'email', 'other@example.com'),
      change(PERSON, 'email', 'namesake@example.com', elsewhere),
      anEvent({ subscriptionType: 'company.creation', objectId: PERSON, note: 'a company with that id' }),
    ]);
    await world.deliver([change(OTHER, 'firstname', 'Other'), privacyDeletion()]);
    await world.erased();
    await world.settled();
    const kept = await world.query(
      `select record, event->>'propertyValue' as value from webhook_events where event is not null order by occurred_at`,
    );
    expect(kept).toEqual([
      { record: `62515:contact:${OTHER}`, value: 'other@example.com' },
      { record: `62516:contact:${PERSON}`, value: 'namesake@example.com' },
      { record: `62515:company:${PERSON}`, value: expect.anything() },
      { record: `62515:contact:${OTHER}`, value: 'Other' },
      { record: `62515:contact:${PERSON}`, value: expect.anything() },
    ]);
    expect(await world.mentions()).toEqual([]);
  });

  it('becomes a dead letter when it names nobody', async () => {
    await world.deliver([privacyDeletion({ objectId: undefined })]);
    await until('the deletion to be dead', async () => {
      await world.retryNow();
      return (await world.query(`select from webhook_events where state = 'dead'`)).length === 1;
    });
    expect(await world.query('select from privacy_receipts')).toEqual([]);
  });

  it('erases every contact that was merged into the contact, directly or indirectly', async () => {
    const [former, older, stranger] = [4713, 4714, 4715];
    const merge = (subscriptionType: string, primary: number, merged: number, fields = {}) =>
      anEvent({
        subscriptionType,
        objectId: undefined,
        propertyName: undefined,
        propertyValue: undefined,
        primaryObjectId: primary,
        mergedObjectIds: [merged],
        newObjectId: primary,
        ...fields,
      });
    await world.deliver([
      change(former, 'email', EMAIL),
      change(older, 'firstname', NAME),
      change(stranger, 'firstname', 'Somebody Else'),
      merge('contact.merge', former, older),
      merge('object.merge', PERSON, former, { objectTypeId: '0-1' }),
      // The same ids, but of companies and of another portal.
      merge('object.merge', PERSON, stranger, { objectTypeId: '0-2' }),
      merge('contact.merge', PERSON, stranger, { portalId: 62516 }),
    ]);
    await world.settled();
    await world.deliver([privacyDeletion()]);
    await world.erased();
    await world.settled();
    expect(await world.mentions()).toEqual([]);
    expect((await world.events(stranger)).map(({ event }) => event?.propertyValue)).toEqual([
      'Somebody Else',
    ]);
    const receipts = await world.ctx.services.webhooks.privacy.receipts(62515, 10);
    const records = [PERSON, former, older].map((id) => `62515:contact:${id}`);
    expect(receipts.map(({ record }) => record).sort()).toEqual(records);

    // Late events of the merged contact are not stored either.
    await world.deliver([change(older, 'lastname', NAME)]);
    await world.settled();
    expect(await world.mentions()).toEqual([]);
  });

  it('erases only the contact when merge events contain invalid ids', async () => {
    const merge = (fields: Record<string, unknown>) =>
      anEvent({
        subscriptionType: 'contact.merge',
        objectId: undefined,
        propertyName: undefined,
        newObjectId: null,
        ...fields,
      });
    await world.deliver([
      change(PERSON, 'email', EMAIL),
      change(OTHER, 'firstname', 'Other'),
      merge({ primaryObjectId: PERSON, mergedObjectIds: null }),
      merge({ primaryObjectId: OTHER, mergedObjectIds: '4711' }),
      merge({ primaryObjectId: 4716, mergedObjectIds: [null, {}, 0] }),
    ]);
    await world.settled();
    await world.deliver([privacyDeletion({ objectId: 4716 })]);
    await world.erased();
    expect(
      (await world.ctx.services.webhooks.privacy.receipts(62515, 10)).map(({ record }) => record),
    ).toEqual(['62515:contact:4716']);
    expect(await world.mentions()).toEqual(['webhook_events']);
    await world.deliver([privacyDeletion()]);
    await until('the second receipt', async () =>
      (await world.ctx.services.webhooks.privacy.receipts(62515, 10)).some(({ record }) =>
        record.endsWith(`${PERSON}`),
      ),
    );
    expect(await world.mentions()).toEqual([]);
  });

  async function sendTimelineEvent(status: number, event: NewTimelineEvent) {
    await world.sandbox.control('failures', { method: 'POST', path: '/integrators/timeline/*', status });
    await world.ctx.services.timeline.send(62515, event).catch(() => undefined);
  }
});
