import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { enqueue } from '../../../app/queue/enqueue.ts';
import { eventIdentity } from '../../../app/webhooks/event/event.ts';
import { webhookJobs } from '../../../app/webhooks/index.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, THEN } from '../../helpers/webhook-world.ts';
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

describe('a privacy deletion and events that arrive later', () => {
  let world: PrivacyWorld;
  beforeAll(async () => {
    world = await startPrivacyWorld();
  });
  beforeEach(() => world.reset());
  afterAll(() => world.close());

  it('discards events from before the deletion that arrive later, and handles events from after it', async () => {
    await world.deliver([privacyDeletion()]);
    await world.erased();
    const later = Date.now() + 60_000;
    await world.deliver([
      change(PERSON, 'email', EMAIL),
      change(PERSON, 'phone', '1', { occurredAt: later }),
    ]);
    await world.settled();
    expect(world.handled).toEqual([`${PERSON} phone`]);
    expect(await world.mentions()).toEqual([]);
    expect(await world.states(PERSON)).toEqual(['done', 'erased', 'done']);
  });

  it('discards invalid items that mention the contact and arrive later, and keeps those of others', async () => {
    await world.deliver([privacyDeletion()]);
    await world.erased();
    const about = (objectId: number, name: string) => ({ portalId: 62515, objectId, name });
    await world.deliver([about(PERSON, NAME), anEvent({ subscriptionType: 'deal.creation' })]);
    await world.deliver(about(PERSON, NAME));
    await world.deliver(about(OTHER, 'Other'));
    await world.settled();
    expect(await world.mentions()).toEqual([]);
    const rows = await world.query(
      `select state, problem like '%(erased)' as erased from webhook_deliveries where problem is not null order by id`,
    );
    expect(rows).toEqual([
      { state: 'done', erased: true },
      { state: 'rejected', erased: true },
      { state: 'rejected', erased: false },
    ]);
  });

  it.each([
    { order: 'before', moments: [1, 2] },
    { order: 'after', moments: [2, 1] },
  ])(
    'erases the contact once when the deletion of the contact comes $order the privacy deletion',
    async ({ moments }) => {
      const [first, second] = moments as [number, number];
      await world.deliver([change(PERSON, 'email', EMAIL)]);
      await world.deliver([
        anEvent({ subscriptionType: 'contact.deletion', objectId: PERSON, occurredAt: THEN + 1e6 + first }),
        privacyDeletion({ occurredAt: THEN + 1e6 + second }),
      ]);
      await world.erased();
      await world.settled();
      expect(await world.mentions()).toEqual([]);
      expect(await world.query('select from privacy_receipts')).toHaveLength(1);
      // An event that is waiting during the erasure is not handled.
      expect(world.handled.includes(`${PERSON} deletion`)).toBe(first < second);
    },
  );

  it('discards the contact’s events in a delivery that is being split at the same time', async () => {
    const late = change(PERSON, 'email', EMAIL);
    const deletion = privacyDeletion();
    const blocker = new pg.Client(world.database.url);
    await blocker.connect();
    // The splitter waits for this row, after it has looked for erasures.
    await blocker.query('begin');
    await blocker.query(
      `insert into webhook_events (id, portal_id, record, subscription_type, lane, priority, occurred_at, state)
       values ($1, 1, '', '', 0, 0, 0, 'ignored')`,
      [eventIdentity(late)],
    );
    await world.query(
      `insert into webhook_events
         (id, portal_id, record, subscription_type, lane, priority, occurred_at, event, state)
       values ($1, 62515, $2, 'contact.privacyDeletion', 0, 0, $3, $4, 'waiting')`,
      [eventIdentity(deletion), `62515:contact:${PERSON}`, deletion.occurredAt, deletion],
    );
    await world.deliver([late]);
    await until('the splitter to wait', async () => (await waitingForALock()) === 1);
    await enqueue(world.ctx.pool, webhookJobs.runLane, { lane: 0 }, {});
    // The erasure waits for the splitter, or it is done first and the splitter has to notice it.
    await until(
      'the erasure to be done or to wait',
      async () =>
        (await waitingForALock()) === 2 || (await world.query('select from privacy_receipts')).length === 1,
    );
    await blocker.query('rollback');
    await blocker.end();
    await world.erased();
    await world.settled();
    expect(await world.mentions()).toEqual([]);
  });

  async function waitingForALock(): Promise<number> {
    const rows = await world.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return rows.length;
  }
});
