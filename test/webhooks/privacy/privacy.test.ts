import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { installNotFound } from '../../../app/base/errors.ts';
import { enqueue } from '../../../app/queue/enqueue.ts';
import type { NewTimelineEvent } from '../../../app/timeline/service.ts';
import { eventIdentity } from '../../../app/webhooks/event/event.ts';
import { defineHandler, type HandlerDb, type WebhookContext } from '../../../app/webhooks/handler.ts';
import { laneOf } from '../../../app/webhooks/pipeline/lanes.ts';
import { pruneWebhooks } from '../../../app/webhooks/prune.ts';
import { startProcess } from '../../helpers/processes.ts';
import { until } from '../../helpers/until.ts';
import {
  anEvent,
  inWebhookWorld,
  startWebhookWorld,
  THEN,
  type WebhookWorld,
} from '../../helpers/webhook-world.ts';
import { EFFECTS_TABLE } from '../pipeline/effects-worker.ts';

const EMAIL = 'quentin.erasable@example.com';
const NAME = 'Quentin Erasable';
const PERSON = 4711;
const OTHER = 4712;

describe('a person whose deletion HubSpot tells of', () => {
  let world: WebhookWorld;
  const handled: string[] = [];
  /** What the app's own handler of the deletion does. */
  let onDeletion: (db: HandlerDb, context: WebhookContext) => Promise<void> = async () => {};
  beforeAll(async () => {
    world = await startWebhookWorld(
      [
        defineHandler({
          name: 'changed',
          on: 'contact.propertyChange',
          when: { properties: ['email', 'phone', 'firstname', 'lastname', 'dead'] },
          async handle({ objectId, propertyName, propertyValue }) {
            handled.push(`${objectId} ${propertyName}`);
            // Errors speak of people too.
            if (propertyName === 'dead')
              throw Object.assign(installNotFound(1), { message: `no ${propertyValue}` });
          },
        }),
        defineHandler({
          name: 'deleted',
          on: 'contact.deletion',
          handle: async ({ objectId }) => void handled.push(`${objectId} deletion`),
        }),
        defineHandler({
          name: 'privately deleted',
          on: 'contact.privacyDeletion',
          handle: (_, context) => onDeletion(context.db, context),
        }),
      ],
      // One test holds up the splitting on purpose.
      { webhookPatienceMs: 1_000 },
    );
    await world.query('create table notes (contact int)');
  });
  beforeEach(async () => {
    handled.length = 0;
    onDeletion = async () => {};
    await world.query(
      `truncate webhook_deliveries, webhook_events, privacy_receipts, timeline_events, notes;
       delete from installs`,
    );
  });
  afterAll(() => world.close());

  const change = (objectId: number, propertyName: string, propertyValue: string, fields = {}) =>
    anEvent({ objectId, propertyName, propertyValue, ...fields });
  const privacyDeletion = (fields = {}) =>
    anEvent({
      subscriptionType: 'contact.privacyDeletion',
      objectId: PERSON,
      propertyName: undefined,
      ...fields,
    });

  const erased = () =>
    until('the receipt', async () => {
      const [receipt] = await world.ctx.services.webhooks.privacy.receipts(62515, 10);
      return receipt;
    });

  it('is forgotten in every table: events done, waiting and dead, timeline events, rejected deliveries', async () => {
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
    // Not an array: kept as it came. No type: kept apart from the events beside it.
    await world.deliver({ portalId: 62515, objectId: PERSON, email: EMAIL });
    await world.deliver([
      { portalId: 62515, objectId: PERSON, name: NAME },
      anEvent({ subscriptionType: 'deal.creation' }),
    ]);
    await world.settled();
    // Two wait for HubSpot; it refuses the third, which is not kept.
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
    expect(await mentions()).toEqual(['timeline_events', 'webhook_deliveries', 'webhook_events']);

    // Later than the deletion and before the server at the same time: not handled any more.
    await world.deliver([privacyDeletion(), change(PERSON, 'lastname', NAME)]);
    const receipt = await erased();
    await world.settled();
    expect(await mentions()).toEqual([]);
    expect(handled).toEqual([`${PERSON} email`, `${PERSON} dead`, `${PERSON} firstname`]);
    expect(await states(PERSON)).toEqual(['done', 'erased', 'done', 'ignored', 'done', 'erased']);

    expect(receipt).toMatchObject({ portalId: 62515, record: `62515:contact:${PERSON}` });
    expect(Object.keys(receipt)).toEqual(['id', 'portalId', 'record', 'erasedAt', 'erased']);
    expect(receipt.erased).toEqual({ timeline_events: 2, webhook_events: 5, webhook_deliveries: 2 });
    expect(receipt.erasedAt.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  describe('and whose app events are addressed by e-mail alone', () => {
    const [JANE, HER_ID] = ['jane@example.com', 101];
    const herEvents = () => world.query('select state, occurrence, last_error from timeline_events');
    const failing = (path: string, status: number, times: number, body?: object) =>
      world.sandbox.control('failures', { method: 'POST', path, status, times, body });
    const put = (status: number, id: string, email = JANE) =>
      world
        .api('PUT', `/hubid/62515/timeline/${email}`, { id, properties: { title: NAME } })
        .then((answer) => expect(answer.status).toBe(status));
    /** The job that is to try again in some seconds makes way for what the test does. */
    const dropJobs = () =>
      world.query(
        `select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs
         where task_identifier = 'send-timeline-event'`,
      );
    beforeEach(async () => expect((await world.install()).status).toBe(200));
    afterEach(dropJobs);

    it('is forgotten with one that waits, once HubSpot told whose address it is', async () => {
      await failing('/integrators/timeline/*', 500, 2);
      await put(202, 'waits');
      await dropJobs();
      const key = { portalId: 62515, eventType: 'ae193354_app-activity', id: 'waits' };
      await expect(world.ctx.services.timeline.retry(key)).rejects.toMatchObject({ status: 500 });
      expect(await herEvents()).toMatchObject([
        { state: 'waiting', occurrence: { objectId: String(HER_ID) } },
      ]);
      expect(JSON.stringify(await herEvents())).not.toContain(JANE);
      await world.deliver([privacyDeletion({ objectId: HER_ID })]);
      expect((await erased()).erased).toMatchObject({ timeline_events: 1 });
      expect(await mentions()).toEqual([]);
    });

    it('is forgotten with one that waits though nothing here names the address, and is not made anew', async () => {
      const { contacts } = world.ctx.hubspotFor(62515);
      const { id } = await contacts.create({ email: EMAIL });
      await until('the news of the address', async () =>
        (await world.events(Number(id))).some(({ event }) => event.propertyName === 'email'),
      );
      await world.settled();
      // Pruned, when they were a month old.
      await world.query('truncate webhook_events');
      await failing('/integrators/timeline/*', 500, 1);
      await put(202, 'waits', EMAIL);
      await dropJobs();
      await contacts.gdprDelete(id);
      await erased();
      await until('the event to be tried', async () => (await herEvents())[0]?.state === 'refused');
      expect(await herEvents()).toMatchObject([
        { occurrence: null, last_error: 'no contact has its address, and one was erased meanwhile' },
      ]);
      expect(await mentions()).toEqual([]);
      await expect(contacts.getByEmail(EMAIL)).rejects.toMatchObject({ status: 404 });
    });

    it('is not made anew where HubSpot does not let the app look for the contact', async () => {
      await failing('/integrators/timeline/*', 500, 1);
      await put(202, 'waits', EMAIL);
      await dropJobs();
      const path = `/crm/objects/*/contacts/*`;
      await world.sandbox.control('failures', { method: 'GET', path, status: 403 });
      await world.deliver([privacyDeletion()]);
      await until('the event to be tried', async () => (await herEvents())[0]?.state === 'refused');
      expect(await herEvents()).toMatchObject([
        { occurrence: null, last_error: 'its contact cannot be looked up, and one was erased meanwhile' },
      ]);
      expect(await mentions()).toEqual([]);
    });

    it('takes along none for an address that was once theirs and is another’s now', async () => {
      await failing('/integrators/timeline/*', 500, 1);
      await put(202, 'others');
      await dropJobs();
      await world.deliver([change(PERSON, 'email', JANE), change(PERSON, 'email', EMAIL)]);
      await world.settled();
      await world.deliver([privacyDeletion()]);
      expect((await erased()).erased).toMatchObject({ timeline_events: 0 });
      await until('the event to be sent', async () => (await herEvents())[0]?.state === 'sent');
    });

    it('leaves others theirs: they reach HubSpot', async () => {
      await failing('/integrators/timeline/*', 500, 1);
      await put(202, 'others');
      await dropJobs();
      await world.deliver([privacyDeletion()]);
      await until('the event to be sent', async () => (await herEvents())[0]?.state === 'sent');
      const { results } = await world.sandbox.read(`timeline?portalId=62515&email=${JANE}`);
      expect(results.map((event: { id: string }) => event.id)).toContain('others');
    });

    it('leaves nothing in one that HubSpot refuses, nor in what is kept of the refusal', async () => {
      await failing('/integrators/timeline/*', 400, 1, {
        category: 'VALIDATION_ERROR',
        message: `"${NAME}"?`,
      });
      await put(400, 'refused');
      expect(await herEvents()).toEqual([
        { state: 'refused', occurrence: null, last_error: '400 VALIDATION_ERROR' },
      ]);
      expect(await mentions()).toEqual([]);
    });
  });

  it('takes along nobody else: the others of its deliveries keep theirs', async () => {
    const elsewhere = { portalId: 62516 };
    await world.deliver([
      change(PERSON, 'email', EMAIL),
      change(OTHER, 'email', 'other@example.com'),
      change(PERSON, 'email', 'namesake@example.com', elsewhere),
      anEvent({ subscriptionType: 'company.creation', objectId: PERSON, note: 'a company with that id' }),
    ]);
    await world.deliver([change(OTHER, 'firstname', 'Other'), privacyDeletion()]);
    await erased();
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
    expect(await mentions()).toEqual([]);
  });

  it('does not come back with events from before that arrive late; those of later times are handled', async () => {
    await world.deliver([privacyDeletion()]);
    await erased();
    const later = Date.now() + 60_000;
    await world.deliver([
      change(PERSON, 'email', EMAIL),
      change(PERSON, 'phone', '1', { occurredAt: later }),
    ]);
    await world.settled();
    expect(handled).toEqual([`${PERSON} phone`]);
    expect(await mentions()).toEqual([]);
    expect(await states(PERSON)).toEqual(['done', 'erased', 'done']);
  });

  it('does not come back with what arrives late and is no event; that of others is kept', async () => {
    await world.deliver([privacyDeletion()]);
    await erased();
    const about = (objectId: number, name: string) => ({ portalId: 62515, objectId, name });
    await world.deliver([about(PERSON, NAME), anEvent({ subscriptionType: 'deal.creation' })]);
    await world.deliver(about(PERSON, NAME));
    await world.deliver(about(OTHER, 'Other'));
    await world.settled();
    expect(await mentions()).toEqual([]);
    const rows = await world.query(
      `select state, problem like '%(erased)' as erased from webhook_deliveries where problem is not null order by id`,
    );
    expect(rows).toEqual([
      { state: 'done', erased: true },
      { state: 'rejected', erased: true },
      { state: 'rejected', erased: false },
    ]);
  });

  it('is not thought forgotten where the deletion names nobody: it ends as dead', async () => {
    await world.deliver([privacyDeletion({ objectId: undefined })]);
    await until('the deletion to be dead', async () => {
      await world.retryNow();
      return (await world.query(`select from webhook_events where state = 'dead'`)).length === 1;
    });
    expect(await world.query('select from privacy_receipts')).toEqual([]);
  });

  it('is forgotten under every id that was merged into the contact, directly or over others', async () => {
    const [former, older, stranger] = [4713, 4714, 4715];
    const merge = (subscriptionType: string, primary: number, merged: number, fields = {}) =>
      anEvent({
        ...{ subscriptionType, objectId: undefined, propertyName: undefined, propertyValue: undefined },
        ...{ primaryObjectId: primary, mergedObjectIds: [merged], newObjectId: primary, ...fields },
      });
    await world.deliver([
      change(former, 'email', EMAIL),
      change(older, 'firstname', NAME),
      change(stranger, 'firstname', 'Somebody Else'),
      merge('contact.merge', former, older),
      merge('object.merge', PERSON, former, { objectTypeId: '0-1' }),
      // The same numbers, but companies; and another portal's contacts.
      merge('object.merge', PERSON, stranger, { objectTypeId: '0-2' }),
      merge('contact.merge', PERSON, stranger, { portalId: 62516 }),
    ]);
    await world.settled();
    await world.deliver([privacyDeletion()]);
    await erased();
    await world.settled();
    expect(await mentions()).toEqual([]);
    expect((await world.events(stranger)).map(({ event }) => event?.propertyValue)).toEqual([
      'Somebody Else',
    ]);
    const receipts = await world.ctx.services.webhooks.privacy.receipts(62515, 10);
    const records = [PERSON, former, older].map((id) => `62515:contact:${id}`);
    expect(receipts.map(({ record }) => record).sort()).toEqual(records);

    // Late news of the merged contact is not stored either.
    await world.deliver([change(older, 'lastname', NAME)]);
    await world.settled();
    expect(await mentions()).toEqual([]);
  });

  it('is forgotten, and takes along nobody, when merges name what is no contact', async () => {
    const merge = (fields: Record<string, unknown>) =>
      anEvent({
        ...{ subscriptionType: 'contact.merge', objectId: undefined, propertyName: undefined },
        ...{ newObjectId: null, ...fields },
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
    await erased();
    expect(
      (await world.ctx.services.webhooks.privacy.receipts(62515, 10)).map(({ record }) => record),
    ).toEqual(['62515:contact:4716']);
    expect(await mentions()).toEqual(['webhook_events']);
    await world.deliver([privacyDeletion()]);
    await until('the second receipt', async () =>
      (await world.ctx.services.webhooks.privacy.receipts(62515, 10)).some(({ record }) =>
        record.endsWith(`${PERSON}`),
      ),
    );
    expect(await mentions()).toEqual([]);
  });

  it('is forgotten although the deletion’s own handler failed at first', async () => {
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
    await enqueue(world.ctx.pool, 'run-webhook-lane', { lane }, {});
    await erased();
    expect(await mentions()).toEqual([]);
  });

  it('is forgotten, with one receipt, though your handlers of the deletion fail for good; they can be replayed', async () => {
    await world.deliver([change(PERSON, 'firstname', NAME)]);
    await world.settled();
    onDeletion = async (db) => {
      await db.query('insert into notes values ($1)', [PERSON]);
      throw Object.assign(installNotFound(1), { message: `no customer ${NAME}` });
    };
    await world.deliver([privacyDeletion()]);
    await until('the deletion to be dead', async () => (await states(PERSON)).includes('dead'));
    expect(await mentions()).toEqual([]);
    expect(await world.query('select erased from privacy_receipts')).toEqual([
      { erased: { timeline_events: 0, webhook_events: 1, webhook_deliveries: 0 } },
    ]);
    const [, dead] = await world.events(PERSON);
    expect(dead).toMatchObject({ last_error: 'AppError install_not_found', attempts: 1 });

    onDeletion = async (db) => void (await db.query('insert into notes values ($1)', [PERSON]));
    const replay = { dryRun: false, onTotal: () => {}, onProgress: () => {} };
    await world.ctx.services.webhooks.ledger.replay({ states: ['dead'] }, replay);
    await until('the deletion to be done', async () => (await states(PERSON))[1] === 'done');
    expect(await world.query('select * from notes')).toEqual([{ contact: PERSON }]);
    expect(await world.query('select from privacy_receipts')).toHaveLength(1);
  });

  it('is forgotten once, though your handlers of the deletion fail at first', async () => {
    await world.deliver([change(PERSON, 'firstname', NAME)]);
    await world.settled();
    const attempts: number[] = [];
    const left: string[] = [];
    onDeletion = async (_, { attempt }) => {
      attempts.push(attempt);
      left.push(...(await mentions()));
      if (attempt < 3) throw new Error(`${NAME} is still there`);
    };
    await world.deliver([privacyDeletion()]);
    await until('the deletion to be done', async () => {
      await world.retryNow();
      return (await states(PERSON))[1] === 'done';
    });
    expect(attempts).toEqual([1, 2, 3]);
    expect(left).toEqual([]);
    expect(await world.query('select from privacy_receipts')).toHaveLength(1);
  });

  it('is forgotten at once, though an earlier event of the contact is still being tried', async () => {
    await world.deliver([change(PERSON, 'dead', NAME)]);
    await world.settled();
    const retrying = `update webhook_events set state = 'retrying', run_at = now() + interval '1 day'`;
    await world.query(`${retrying} where state = 'dead'`);
    await world.deliver([privacyDeletion()]);
    await erased();
    await world.settled();
    expect(await mentions()).toEqual([]);
    expect(await states(PERSON)).toEqual(['erased', 'done']);
  });

  it.each([
    { order: 'before', moments: [1, 2] },
    { order: 'after', moments: [2, 1] },
  ])(
    'is forgotten once when the contact’s deletion comes $order the privacy deletion',
    async ({ moments }) => {
      const [first, second] = moments as [number, number];
      await world.deliver([change(PERSON, 'email', EMAIL)]);
      await world.deliver([
        anEvent({ subscriptionType: 'contact.deletion', objectId: PERSON, occurredAt: THEN + 1e6 + first }),
        privacyDeletion({ occurredAt: THEN + 1e6 + second }),
      ]);
      await erased();
      await world.settled();
      expect(await mentions()).toEqual([]);
      expect(await world.query('select from privacy_receipts')).toHaveLength(1);
      // What was waiting at the time of the erasure belongs to nobody any more.
      expect(handled.includes(`${PERSON} deletion`)).toBe(first < second);
    },
  );

  it('does not slip back in with a delivery that is being split at the same moment', async () => {
    const late = change(PERSON, 'email', EMAIL);
    const deletion = privacyDeletion();
    const blocker = new pg.Client(world.database.url);
    await blocker.connect();
    // The splitter has looked for erasures when it waits for the row that is about to have the same identity.
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
    await enqueue(world.ctx.pool, 'run-webhook-lane', { lane: 0 }, {});
    // Either the erasure waits for the splitter, or it is done before and the splitter has to notice.
    await until(
      'the erasure to be done or to wait',
      async () =>
        (await waitingForALock()) === 2 || (await world.query('select from privacy_receipts')).length === 1,
    );
    await blocker.query('rollback');
    await blocker.end();
    await erased();
    await world.settled();
    expect(await mentions()).toEqual([]);
  });

  async function sendTimelineEvent(status: number, event: NewTimelineEvent) {
    await world.sandbox.control('failures', { method: 'POST', path: '/integrators/timeline/*', status });
    await world.ctx.services.timeline.send(62515, event).catch(() => undefined);
  }

  async function states(objectId: number): Promise<string[]> {
    return (await world.events(objectId)).map(({ state }) => state);
  }

  async function waitingForALock(): Promise<number> {
    const rows = await world.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return rows.length;
  }

  /** Tables of the whole database, the queue's included, that hold the person's address or name in any row. */
  async function mentions(): Promise<string[]> {
    const tables = await world.query(
      `select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    expect(tables.length).toBeGreaterThan(10);
    const found: string[] = [];
    for (const { schemaname, tablename } of tables) {
      const dump = await world.query(`select row::text as text from "${schemaname}"."${tablename}" as row`);
      // Bytes are dumped as hexadecimal digits.
      const traces = [EMAIL, NAME, Buffer.from(EMAIL).toString('hex'), Buffer.from(NAME).toString('hex')];
      const text = dump.map((row) => row.text.toLowerCase()).join('\n');
      if (traces.some((trace) => text.includes(trace.toLowerCase()))) found.push(tablename);
    }
    return found.sort();
  }
});

it('a deletion that waits for a handler of a merged contact keeps nobody else waiting', () => {
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
        ...{ subscriptionType: 'contact.merge', objectId: undefined, newObjectId: PERSON },
        ...{ primaryObjectId: PERSON, mergedObjectIds: [former] },
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

it('a deletion is answered once though the worker is killed between the erasure and the app’s own handler', () =>
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

describe('what is older than its retention', () => {
  const DAY = '1 day';

  async function fill({ query }: WebhookWorld, count: number) {
    for (const [state, age] of [
      ['done', 31],
      ['ignored', 31],
      ['unknown', 31],
      ['erased', 31],
      ['waiting', 31],
      ['retrying', 31],
      ['dead', 31],
      ['done', 29],
    ] as const) {
      await query(
        `insert into webhook_events
           (id, portal_id, record, subscription_type, lane, priority, occurred_at, state, run_at, received_at)
         select gen_random_uuid(), 1, 'r' || n, 't', 0, 0, n, $1, now() + interval '9 days', now() - $2 * interval '${DAY}'
         from generate_series(1, case when $1 = 'done' then $3::int else 10 end) n`,
        [state, age, count],
      );
    }
    for (const [state, age] of [
      ['done', 31],
      ['rejected', 31],
      ['waiting', 31],
      ['done', 29],
    ] as const) {
      await query(
        `insert into webhook_deliveries (state, received_at, body)
         select $1, now() - $2 * interval '${DAY}', ''
         from generate_series(1, case when $1 = 'done' then $3::int else 10 end)`,
        [state, age, count],
      );
    }
  }

  const left = async ({ query }: WebhookWorld) => ({
    events: await query(`select state, count(*) from webhook_events group by state order by state`),
    deliveries: await query('select state, count(*) from webhook_deliveries group by state order by state'),
  });

  it('goes, page by page, unless it is still to be handled or dead', () =>
    inWebhookWorld(
      [],
      async (world) => {
        await fill(world, 6_000);
        const before = new Date(Date.now() - 30 * 24 * 60 * 60 * 1000);
        // Asked to stop after the first page.
        let asked = 0;
        await pruneWebhooks(world.ctx.pool, before, () => asked++ > 0);
        expect((await left(world)).events.reduce((sum, { count }) => sum + count, 0)).toBe(12_060 - 1_000);
        await world.query(
          `insert into timeline_events (portal_id, event_type, id, state, sent_at) values
             (1, 't', 'old', 'sent', now() - interval '31 days'),
             (1, 't', 'new', 'sent', now() - interval '29 days'),
             (1, 't', 'refused', 'refused', null), (1, 't', 'waiting', 'waiting', null);
           insert into timeline_events (portal_id, event_type, id, state, created_at) values
             (1, 't', 'once refused', 'refused', now() - interval '31 days'),
             (1, 't', 'long waiting', 'waiting', now() - interval '400 days')`,
        );
        await pruneWebhooks(world.ctx.pool, before, () => false);
        expect(await world.query('select id from timeline_events order by id')).toEqual([
          { id: 'long waiting' },
          { id: 'new' },
          { id: 'refused' },
          { id: 'waiting' },
        ]);
        expect(await left(world)).toEqual({
          events: [
            { state: 'dead', count: 10 },
            { state: 'done', count: 6_000 },
            { state: 'retrying', count: 10 },
            { state: 'waiting', count: 10 },
          ],
          deliveries: [
            { state: 'done', count: 6_000 },
            { state: 'waiting', count: 10 },
          ],
        });
      },
      { worker: false },
    ));

  it('is what WEBHOOK_RETENTION_DAYS says', () =>
    inWebhookWorld(
      [],
      async (world) => {
        await fill(world, 10);
        await enqueue(world.ctx.pool, 'prune-webhooks', {}, {});
        await until('the old ones to go', async () =>
          (await left(world)).deliveries.every(({ state }) => state === 'waiting'),
        );
        expect((await left(world)).events.map(({ state }) => state)).toEqual(['dead', 'retrying', 'waiting']);
      },
      { settings: { WEBHOOK_RETENTION_DAYS: '20' } },
    ));
});
