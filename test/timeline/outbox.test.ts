import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { enqueue } from '../../app/queue/enqueue.ts';
import type { JobRunner } from '../../app/queue/runner.ts';
import { enqueueSlot } from '../../app/schedule.ts';
import { startJobRunner } from '../../app/tasks.ts';
import { timelineJobs } from '../../app/timeline/index.ts';
import { startAnswerGate } from '../helpers/answer-gate.ts';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';
import { expectError } from '../helpers/expect-error.ts';
import { type Fault, startFaultyProxy } from '../helpers/faulty-proxy.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const EMAIL = 'jane@example.com';
const PORTAL = 62515;
const TIMELINE = `/hubid/${PORTAL}/timeline/${EMAIL}`;
const EVENTS = '/integrators/timeline/';

describe('an accepted app event', () => {
  let database: TestDatabase;
  let proxy: Awaited<ReturnType<typeof startFaultyProxy>>;
  let gate: Awaited<ReturnType<typeof startAnswerGate>>;
  let world: World;
  let runner: JobRunner | undefined;
  let observer: pg.Client;
  let ids = 0;
  let id: string;

  beforeAll(async () => {
    database = await createDatabase();
    proxy = await startFaultyProxy(database.url);
    observer = new pg.Client(database.url);
    await observer.connect();
    gate = await startAnswerGate();
    const settings = { DATABASE_URL: `${proxy.url}?query_timeout=2000`, HUBSPOT_API_URL: gate.url };
    world = await startWorld({ callsOnce: true, settings });
    gate.passTo(world.sandboxUrl);
  });
  beforeEach(async () => {
    ids += 1;
    proxy.mend();
    id = `event-${ids}`;
    await world.sandbox.control('reset');
    await observer.query(
      'delete from timeline_events; delete from installs; select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs',
    );
    expect((await world.install()).status).toBe(200);
  });
  afterAll(async () => {
    await runner?.stop();
    await world.close();
    await observer.end();
    await gate.close();
    await proxy.close();
    await database.drop();
  });

  it('is answered with 202 and retried when the database fails while it is sent', async () => {
    world.ctx.services.tokens.forget(PORTAL);
    const isMet = proxy.fail('find-sealed-installs', 'cut');
    expect(await put({ id })).toEqual([202, 'waiting']);
    expect(isMet()).toBe(true);
    await becomesSent();
  });

  it.each<[string, Fault]>([
    ['is terminated', 'cut'],
    ['does not answer in time', 'swallow'],
  ])('is marked as sent by its job when HubSpot has it and the connection %s', async (_what, fault) => {
    const isMet = proxy.fail(`set state = 'sent'`, fault);
    expect(await put({ id })).toEqual([200, 'sent']);
    expect(isMet()).toBe(true);
    expect(await row()).toMatchObject({ state: 'waiting' });
    await becomesSent();
  });

  it('is marked as sent by its job when HubSpot has it and the pool has no free connection', async () => {
    await idle();
    const { pool } = world.ctx;
    const { max = 0, connectionTimeoutMillis } = pool.options;
    let taken: pg.PoolClient[] = [];
    gate.beforeAnswer(EVENTS, async () => {
      taken = await Promise.all(Array.from({ length: max }, () => pool.connect()));
      pool.options.connectionTimeoutMillis = 100;
    });
    try {
      expect(await put({ id })).toEqual([200, 'sent']);
      expect(await row()).toMatchObject({ state: 'waiting' });
    } finally {
      pool.options.connectionTimeoutMillis = connectionTimeoutMillis;
      for (const client of taken) client.release();
    }
    expect(taken).toHaveLength(max);
    await becomesSent();
  });

  it.each<[string, string, Fault]>([
    ['while it is read', 'select occurrence', 'cut'],
    ['while its contact is named', 'jsonb_build_object', 'cut'],
    ['when HubSpot has it', `set state = 'sent'`, 'cut'],
    ['by a time-out when HubSpot has it', `set state = 'sent'`, 'swallow'],
  ])('is sent by its job when the database fails that job %s', async (_when, statement, fault) => {
    await failing(503);
    expect(await put({ id })).toEqual([202, 'waiting']);
    const isMet = proxy.fail(statement, fault);
    await becomesSent();
    expect(isMet()).toBe(true);
  });

  it('is refused again by its job when the database fails while a refusal is stored', async () => {
    const refusal = { status: 'error', category: 'VALIDATION_ERROR', message: 'It is not valid.' };
    await failing(400, 2, refusal);
    const isMet = proxy.fail(`set state = 'refused'`, 'cut');
    await expectError(await world.apiRequest('PUT', TIMELINE, { id }), 400, 'refused_by_hubspot');
    expect(isMet()).toBe(true);
    await work();
    await until('it to be refused', async () => (await hurry()) && (await row()).state === 'refused');
    expect(await onTimeline()).toEqual([]);
  });

  it('still waits, with its content and the reason, when HubSpot has not accepted it for days', async () => {
    await failing(503, 2);
    await put({ id, properties: { title: 'Late' } });
    await observer.query(
      `select graphile_worker.reschedule_jobs(array_agg(id), attempts := 30) from graphile_worker.jobs`,
    );
    await work();
    await until('it to be tried', async () => (await hurry()) && (await job())?.last_error);
    expect(await row()).toMatchObject({
      state: 'waiting',
      last_error: '503',
      occurrence: { properties: { title: 'Late' } },
    });
    await becomesSent();
  });

  it('gets a new job from the schedule only when its job is missing or has used up its attempts', async () => {
    await failing(503, 3);
    await idle();
    await put({ id: 'gone' });
    await put({ id: 'used up' });
    await put({ id: 'kept' });
    await observer.query(
      `select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker._private_jobs where payload->>'id' = 'gone'`,
    );
    await observer.query(
      `update graphile_worker._private_jobs set max_attempts = 25, attempts = 25 where payload->>'id' = 'used up'`,
    );
    const later = new Date(Date.now() + 3_600_000);
    await observer.query(
      `update graphile_worker._private_jobs set run_at = $1 where payload->>'id' = 'kept'`,
      [later],
    );
    await enqueueSlot(world.ctx, 'send-forgotten-timeline-events', new Date());
    await work();
    await until('both to be sent', async () => (await onTimeline()).length === 2);
    expect(new Set(await onTimeline())).toEqual(new Set(['gone', 'used up']));
    const { rows } = await observer.query(
      `select run_at from graphile_worker._private_jobs where payload->>'id' = 'kept'`,
    );
    expect(rows).toEqual([{ run_at: later }]);
  });

  it('waits while the account has removed the app, and is sent when it installs again', async () => {
    await world.sandbox.control('uninstall', { portalId: PORTAL });
    expect(await put({ id })).toEqual([202, 'waiting']);
    await work();
    await until('its job to end', async () => (await hurry()) && !(await job()));
    expect(await row()).toMatchObject({ state: 'waiting', last_error: expect.stringContaining('install') });
    await observer.query('update timeline_events set last_error = null');
    await enqueueSlot(world.ctx, 'send-forgotten-timeline-events', new Date());
    await until('the clock’s job', async () => (await jobs('send-forgotten-timeline-events')).length === 0);
    await until('what it enqueued', async () => !(await job()));
    expect(await row()).toMatchObject({ state: 'waiting', last_error: null });
    await expectError(await world.apiRequest('PUT', TIMELINE, {}), 409, 'install_needs_reconnect');

    expect((await world.install()).status).toBe(200);
    await enqueueSlot(world.ctx, 'send-forgotten-timeline-events', new Date(Date.now() + 60_000));
    await until('it to be sent', async () => (await row()).state === 'sent');
    expect(await onTimeline()).toEqual([id]);
  });

  it('waits when HubSpot refuses the token twice', async () => {
    await failing(401, 2);
    expect(await put({ id })).toEqual([202, 'waiting']);
    await becomesSent();
  });

  it.each([
    [
      '403 for a scope',
      { status: 403, body: { status: 'error', category: 'MISSING_SCOPES', message: 'No.' } },
    ],
    ['404 for a version of the API', { status: 404, body: '<html>not found</html>' }],
    ['408 from a proxy', { status: 408, body: { message: 'timeout' } }],
    ['400 from a firewall', { status: 400, body: '<html>blocked</html>' }],
  ])('waits when its job is answered %s', async (_what, answer) => {
    await failing(503);
    await failing(answer.status, 1, answer.body);
    expect(await put({ id })).toEqual([202, 'waiting']);
    await becomesSent();
  });

  it.each([
    ['its values', { properties: { mood: 'bad' } }],
    ['its record', { objectId: '999999' }],
  ])('is refused by its job when HubSpot refuses %s', async (_what, change) => {
    await failing(503);
    expect(await put({ id })).toEqual([202, 'waiting']);
    await observer.query('update timeline_events set occurrence = occurrence || $1', [change]);
    await work();
    await until('it to be refused', async () => (await hurry()) && (await row()).state === 'refused');
    expect(await onTimeline()).toEqual([]);
  });

  it('still waits when HubSpot refuses the event that it replaced', async () => {
    await idle();
    const bad = { id, properties: { mood: 'bad' } };
    gate.beforeAnswer(EVENTS, async () => {
      // Its retry is refused before it, so that another may take its place.
      await expectError(await world.apiRequest('PUT', TIMELINE, bad), 400, 'refused_by_hubspot');
      await failing(503);
      expect(await put({ id, properties: { title: 'Better' } })).toEqual([202, 'waiting']);
    });
    await expectError(await world.apiRequest('PUT', TIMELINE, bad), 400, 'refused_by_hubspot');
    expect(await row()).toMatchObject({ state: 'waiting', occurrence: { properties: { title: 'Better' } } });
    await becomesSent();
  });

  it('is another event when an event of another type has the same id', async () => {
    const login = { id, eventTypeName: 'ae193354_login' };
    // This HubSpot knows no type of that name: its answer shows that it was asked.
    await expectError(await world.apiRequest('PUT', TIMELINE, login), 400, 'refused_by_hubspot');
    await failing(503);
    expect(await put(login)).toEqual([202, 'waiting']);
    expect(await put({ id })).toEqual([200, 'sent']);
    expect(await onTimeline()).toEqual([id]);
    // Sent once; the other one still waits, with its own job.
    expect(await put({ id })).toEqual([200, 'sent']);
    expect(await onTimeline()).toEqual([id]);
    const { rows } = await observer.query('select event_type, state from timeline_events order by 1');
    expect(rows).toEqual([
      { event_type: 'ae193354_app-activity', state: 'sent' },
      { event_type: 'ae193354_login', state: 'waiting' },
    ]);
    expect(await jobs('send-timeline-event')).toMatchObject([
      { payload: { portalId: PORTAL, eventType: 'ae193354_login', id } },
    ]);
  });

  it('is sent when a job of an earlier release names no event type', async () => {
    await failing(503);
    await put({ id });
    await observer.query(`select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs`);
    await enqueue(world.ctx.pool, timelineJobs.send, { portalId: PORTAL, id }, { jobKey: 'old' });
    await work();
    await until('it to be sent', async () => (await row()).state === 'sent');
  });

  it('is stored when its names have the maximum length', async () => {
    const event = { id: '"'.repeat(200), eventTypeName: '\\'.repeat(200) };
    await failing(503);
    expect(await put(event)).toEqual([202, 'waiting']);
    const long = await world.apiRequest('PUT', TIMELINE, { eventTypeName: 'x'.repeat(201) });
    expect(await expectError(long, 400, 'invalid_request')).toContain('eventTypeName: ');
  });

  /** @returns the answer's status and the event's state. */
  async function put(event: object): Promise<[number, string]> {
    const answer = await world.apiRequest('PUT', TIMELINE, event);
    return [answer.status, answer.body.state];
  }

  const failing = (status: number, times = 1, body?: unknown) =>
    world.sandbox.control('failures', { method: 'POST', path: `${EVENTS}*`, status, times, body });

  const row = async () => (await observer.query('select * from timeline_events where id = $1', [id])).rows[0];

  const jobs = async (task: string) =>
    (
      await observer.query(
        `select p.*, j.task_identifier from graphile_worker._private_jobs p join graphile_worker.jobs j using (id)
         where j.task_identifier = $1`,
        [task],
      )
    ).rows;

  const job = async () => (await jobs('send-timeline-event')).find(({ payload }) => payload.id === id);

  async function onTimeline(): Promise<string[]> {
    const { results } = await world.sandbox.read(`timeline?portalId=${PORTAL}&email=${EMAIL}`);
    return results.map((event: { id: string }) => event.id);
  }

  /** The worker takes jobs from now on. */
  async function work() {
    runner ??= await startJobRunner(world.ctx);
  }

  /** No worker takes jobs from now on. */
  async function idle() {
    await runner?.stop();
    runner = undefined;
  }

  /** Whatever is due later is due now. */
  async function hurry(): Promise<true> {
    await observer.query(
      `select graphile_worker.reschedule_jobs(array_agg(id), run_at := now()) from graphile_worker.jobs
       where task_identifier = 'send-timeline-event' and locked_at is null`,
    );
    // What the queue itself says when a job comes in: the worker looks at once.
    await observer.query(`select pg_notify('jobs:insert', '{"count":1}')`);
    return true;
  }

  async function becomesSent() {
    await work();
    await until('it to be sent', async () => (await hurry()) && (await row()).state === 'sent');
    expect(await row()).toMatchObject({ occurrence: null, last_error: null });
    expect(await onTimeline()).toEqual([id]);
  }
});
