import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { enqueue } from '../../../app/queue/enqueue.ts';
import { eventIdentity } from '../../../app/webhooks/event/event.ts';
import { defineHandler } from '../../../app/webhooks/handler.ts';
import { PermanentError, webhookJobs } from '../../../app/webhooks/index.ts';
import { laneOf } from '../../../app/webhooks/pipeline/lanes.ts';
import { startProcess } from '../../helpers/processes.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld, type WebhookWorld } from '../../helpers/webhook-world.ts';
import { EFFECTS_TABLE } from '../pipeline/effects-worker.ts';
import {
  change,
  NAME,
  PERSON,
  type PrivacyWorld,
  privacyDeletion,
  startPrivacyWorld,
} from './privacy-world.ts';

describe('a privacy deletion with handlers of the vendor', () => {
  let world: PrivacyWorld;
  beforeAll(async () => {
    world = await startPrivacyWorld();
  });
  beforeEach(() => world.reset());
  afterAll(() => world.close());

  it('erases the contact when an earlier release retries the event', async () => {
    const retrying = `state = 'retrying', run_at = now() + interval '1 day'`;
    await world.deliver([change(PERSON, 'dead', NAME)]);
    await world.settled();
    await world.query(`update webhook_events set ${retrying} where state = 'dead'`);
    const lane = laneOf(`62515:contact:${PERSON}`);
    const deletion = privacyDeletion();
    await world.query(
      `insert into webhook_events
         (id, portal_id, record, subscription_type, lane, priority, occurred_at, event, state, attempts, run_at)
       values ($1, 62515, $2, 'contact.privacyDeletion', $3, 0, $4, $5, 'retrying', 1, now())`,
      [eventIdentity(deletion), `62515:contact:${PERSON}`, lane, deletion.occurredAt, deletion],
    );
    await enqueue(world.ctx.pool, webhookJobs.runLane, { lane }, {});
    await world.erased();
    expect(await world.mentions()).toEqual([]);
  });

  it('erases the contact, with one receipt, when the vendor’s handlers fail for good, and they can be replayed', async () => {
    await world.deliver([change(PERSON, 'firstname', NAME)]);
    await world.settled();
    world.onDeletion(async (db) => {
      await db.query('insert into notes values ($1)', [PERSON]);
      throw new PermanentError(`no customer ${NAME}`);
    });
    await world.deliver([privacyDeletion()]);
    await until('the deletion to be dead', async () => (await world.states(PERSON)).includes('dead'));
    expect(await world.mentions()).toEqual([]);
    expect(await world.query('select erased from privacy_receipts')).toEqual([
      { erased: { timeline_events: 0, webhook_events: 1, webhook_deliveries: 0 } },
    ]);
    const [, dead] = await world.events(PERSON);
    expect(dead).toMatchObject({ last_error: 'PermanentError', attempts: 1 });

    world.onDeletion(async (db) => void (await db.query('insert into notes values ($1)', [PERSON])));
    const replay = { dryRun: false, onTotal: () => {}, onProgress: () => {} };
    await world.ctx.services.webhooks.ledger.replay({ states: ['dead'] }, replay);
    await until('the deletion to be done', async () => (await world.states(PERSON))[1] === 'done');
    expect(await world.query('select * from notes')).toEqual([{ contact: PERSON }]);
    expect(await world.query('select from privacy_receipts')).toHaveLength(1);
  });

  it('erases the contact once when the vendor’s handlers fail at first', async () => {
    await world.deliver([change(PERSON, 'firstname', NAME)]);
    await world.settled();
    const attempts: number[] = [];
    const left: string[] = [];
    world.onDeletion(async (_, { attempt }) => {
      attempts.push(attempt);
      left.push(...(await world.mentions()));
      if (attempt < 3) throw new Error(`${NAME} is still there`);
    });
    await world.deliver([privacyDeletion()]);
    await until('the deletion to be done', async () => {
      await world.retryNow();
      return (await world.states(PERSON))[1] === 'done';
    });
    expect(attempts).toEqual([1, 2, 3]);
    expect(left).toEqual([]);
    expect(await world.query('select from privacy_receipts')).toHaveLength(1);
  });

  it('erases the contact at once while an earlier event of the contact is being retried', async () => {
    await world.deliver([change(PERSON, 'dead', NAME)]);
    await world.settled();
    const retrying = `update webhook_events set state = 'retrying', run_at = now() + interval '1 day'`;
    await world.query(`${retrying} where state = 'dead'`);
    await world.deliver([privacyDeletion()]);
    await world.erased();
    await world.settled();
    expect(await world.mentions()).toEqual([]);
    expect(await world.states(PERSON)).toEqual(['erased', 'done']);
  });
});

it('does not block other contacts while it waits for a handler of a merged contact', () => {
  const [former, stranger] = [4713, 4714];
  const handled: number[] = [];
  let isHeld = false;
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const handler = defineHandler({
    name: 'held',
    on: 'contact.propertyChange',
    when: { properties: ['phone'] },
    async handle({ objectId }, { db }) {
      await db.query('select');
      if (Number(objectId) === former) {
        isHeld = true;
        await opened;
      }
      handled.push(Number(objectId));
    },
  });
  const test = async (world: WebhookWorld) => {
    const deletionsThatWait = () =>
      world.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
    await world.deliver([
      anEvent({
        subscriptionType: 'contact.merge',
        objectId: undefined,
        newObjectId: PERSON,
        primaryObjectId: PERSON,
        mergedObjectIds: [former],
      }),
      anEvent({ objectId: former }),
    ]);
    await until('the handler to hold its event', () => isHeld);
    await world.deliver([anEvent({ subscriptionType: 'contact.privacyDeletion', objectId: PERSON })]);
    await until('the deletion to wait', async () => (await deletionsThatWait()).length > 0);
    await world.deliver([anEvent({ objectId: stranger })]);
    await until('another contact’s event to be handled', () => handled.includes(stranger));
    open();
    await until(
      'the receipts',
      async () => (await world.ctx.services.webhooks.privacy.receipts(62515, 10)).length === 2,
    );
  };
  return inWebhookWorld([handler], (world) => test(world).finally(open));
});

it('erases the contact once when the worker is killed between the erasure and the vendor’s handler', () =>
  inWebhookWorld(
    [],
    async (world) => {
      await world.query(EFFECTS_TABLE);
      const start = (...args: string[]) =>
        startProcess('test/webhooks/pipeline/effects-worker.ts', { ...world.settings, PORT: '0' }, args);
      const left = () =>
        world.query(
          `select (select count(*) from privacy_receipts) as receipts, (select count(*) from effects) as effects,
             (select count(*) from webhook_events where event::text like '%' || $1 || '%') as mentions`,
          [NAME],
        );
      const victim = await start('--stall');
      const wrote = once(victim.child, 'message');
      await world.deliver([
        anEvent({ subscriptionType: 'contact.creation', objectId: PERSON, propertyValue: NAME }),
        anEvent({ subscriptionType: 'contact.privacyDeletion', objectId: PERSON }),
      ]);
      await wrote;
      await victim.kill('SIGKILL');
      expect(await left()).toEqual([{ receipts: 1, effects: 0, mentions: 0 }]);

      const survivor = await start();
      try {
        await until('the effect', async () => (await left())[0]?.effects === 1);
        await world.settled();
      } finally {
        await survivor.kill();
      }
      expect(await left()).toEqual([{ receipts: 1, effects: 1, mentions: 0 }]);
    },
    { worker: false },
  ));
