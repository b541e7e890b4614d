import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineCard, defineHandler, defineJob, type Enqueue } from '#app';
import { enqueueSlot } from '../../app/schedule.ts';
import { signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import { createMemoryLog } from '../helpers/memory-log.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const ran: unknown[] = [];
let failures = 0;

const note = defineJob({
  name: 'note',
  payload: z.object({ id: z.coerce.number() }),
  async run({ id }, { attempt }) {
    if (failures > 0) {
      failures -= 1;
      throw new Error('not yet');
    }
    ran.push({ id, attempt });
  },
});

const undefinedThrower = defineJob({
  name: 'throws-undefined',
  async run() {
    throw undefined;
  },
});

const notAsync = defineJob({ name: 'not-async', run: (() => {}) as unknown as () => Promise<void> });

const renames = defineJob({
  name: 'renames',
  payload: z.object({ portalId: z.number(), contactId: z.string() }),
  async run({ portalId, contactId }, { hubspot, sendTimelineEvent, log }) {
    await hubspot(portalId).contacts.update(contactId, { company: 'of the job' });
    await sendTimelineEvent(portalId, {
      id: 'renamed',
      objectId: contactId,
      properties: { title: 'Renamed' },
    });
    log.info('renamed');
    ran.push('renamed');
  },
});

const inTransaction = defineJob({
  name: 'in-transaction',
  payload: z.object({ fails: z.boolean() }),
  async run({ fails }, { db, transaction }) {
    await transaction(async (tx) => {
      await tx.db.query('insert into job_marks values ($1)', [fails]);
      await tx.enqueue(note, { id: 1 });
      if (fails) throw new Error('undone');
    });
    const { rows } = await db.query('select * from job_marks');
    ran.push({ marks: rows.length });
  },
});

const handler = defineHandler({
  name: 'enqueues',
  on: 'contact.creation',
  async handle({ objectId }, { enqueue }) {
    await enqueue(note, { id: Number(objectId) });
    if (failures > 0) {
      failures -= 1;
      throw new Error('after it enqueued');
    }
  },
});

const card = defineCard({
  name: 'panel',
  title: 'Panel',
  objectTypes: ['CONTACT'],
  render: async () => ({ results: [] }),
  actions: {
    async go({ objectId }, { enqueue }) {
      await enqueue(note, { id: objectId });
      return { message: 'Queued' };
    },
  },
});

const jobs = [note, undefinedThrower, notAsync, renames, inTransaction];
const integration = {
  jobs,
  schedule: [
    { job: note, cron: '0 0 1 1 *', payload: { id: 7 } },
    { job: note, cron: '0 0 1 1 *', payload: { id: 8 } },
  ],
  handlers: [handler],
  cards: [card],
};

describe('a job of the integration', () => {
  const { logger, lines } = createMemoryLog();
  let world: World;
  let enqueue: Enqueue;
  beforeAll(async () => {
    world = await startWorld({ worker: true, integration, logger });
    expect((await world.install()).status).toBe(200);
    enqueue = world.ctx.services.jobs.enqueue;
    await world.ctx.pool.query('create table job_marks (fails boolean)');
  });
  beforeEach(() => {
    ran.length = 0;
    failures = 0;
  });
  afterAll(() => world.close());

  const queued = async () => {
    const { rows } = await world.ctx.pool.query(
      `select task_identifier as name, attempts, last_error as error from graphile_worker.jobs
       where task_identifier like 'integration:%' order by id`,
    );
    return rows;
  };
  const idle = () => until('an empty queue', async () => (await queued()).length === 0);
  /** Runs what backs off now. */
  const retryNow = () =>
    world.ctx.pool.query(
      `select graphile_worker.reschedule_jobs(array_agg(id), run_at := now()) from graphile_worker.jobs
       where task_identifier like 'integration:%'`,
    );
  const dropJobs = () =>
    world.ctx.pool.query(
      `select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs
       where task_identifier like 'integration:%'`,
    );
  const failed = (name: string) =>
    until(`${name} to fail`, async () =>
      (await queued()).find((job) => job.name === `integration:${name}` && job.error),
    );

  it('runs with its payload as the schema parses it', async () => {
    await enqueue(note, { id: '12' });
    await until('the run', () => ran.length === 1);
    expect(ran).toEqual([{ id: 12, attempt: 1 }]);
    await idle();
  });

  it('is retried after it throws, and its attempts are counted', async () => {
    failures = 1;
    await enqueue(note, { id: 1 });
    expect(await failed('note')).toEqual({ name: 'integration:note', attempts: 1, error: 'not yet' });
    await retryNow();
    await until('the run', () => ran.length === 1);
    expect(ran).toEqual([{ id: 1, attempt: 2 }]);
    await idle();
  });

  it.each([
    [undefinedThrower, 'The job throws-undefined threw a value that is not an Error: undefined'],
    [notAsync, 'The job not-async returned no promise'],
  ])(
    'that fails in an unusual way is retried like any other, and the worker continues',
    async (job, error) => {
      await enqueue(job);
      expect((await failed(job.name)).error).toContain(error);
      await dropJobs();
      await enqueue(note, { id: 2 });
      await until('the next job', () => ran.length === 1);
      await idle();
    },
  );

  it('calls HubSpot, sends app events and logs with its name', async () => {
    await enqueue(renames, { portalId: 62515, contactId: '101' });
    await until('the run', () => ran.length === 1);
    const { properties } = await world.ctx.hubspotFor(62515).contacts.get('101', ['company']);
    expect(properties.company).toBe('of the job');
    const { results } = await world.sandbox.read('timeline?portalId=62515&email=jane@example.com');
    expect(results).toMatchObject([{ id: 'renamed', header: 'Renamed' }]);
    expect(lines.find(({ msg }) => msg === 'renamed')).toMatchObject({ job: 'renames', attempt: 1 });
    await idle();
  });

  it('commits what it writes and queues in a transaction together, or not at all', async () => {
    await enqueue(inTransaction, { fails: true });
    await failed('in-transaction');
    expect(await queued()).toHaveLength(1);
    await dropJobs();
    await enqueue(inTransaction, { fails: false });
    await until('both', () => ran.length === 2);
    expect(ran).toContainEqual({ marks: 1 });
    expect(ran).toContainEqual({ id: 1, attempt: 1 });
    await idle();
  });

  it('is rejected with the reason when its payload is invalid, and nothing is queued', async () => {
    const reason = 'The payload of the job note does not fit: id: ';
    await expect(enqueue(note, {} as never)).rejects.toThrow(reason);
    await expect(enqueue(undefinedThrower, { id: 1 } as never)).rejects.toThrow('takes no payload');
    const stranger = defineJob({ name: 'stranger', async run() {} });
    await expect(enqueue(stranger)).rejects.toThrow('is not in `jobs` of integration/index.ts');
    expect(await queued()).toEqual([]);
  });

  it('of an earlier version with an invalid payload fails with the reason', async () => {
    await world.ctx.pool.query(`select graphile_worker.add_job('integration:note', '{"id": "abc"}')`);
    expect((await failed('note')).error).toContain('The payload of the job note does not fit: id: ');
    expect(ran).toEqual([]);
    await dropJobs();
  });

  it('with a key is queued once, with its last payload', async () => {
    const runAt = new Date(Date.now() + 60_000);
    await enqueue(note, { id: 1 }, { key: 'one', runAt });
    await enqueue(note, { id: 2 }, { key: 'one', runAt });
    expect(await queued()).toHaveLength(1);
    await retryNow();
    await until('the run', () => ran.length === 1);
    expect(ran).toEqual([{ id: 2, attempt: 1 }]);
    await idle();
  });

  it('is queued by a handler only if the handler succeeds', async () => {
    failures = 1;
    const event = { subscriptionType: 'contact.creation', portalId: 62515, objectId: 101 };
    await world.sandbox.control('webhooks', { events: [event] });
    const attempted = async () =>
      (await world.ctx.pool.query('select attempts from webhook_events where attempts = 1')).rows.length ===
      1;
    await until('the handler to fail', attempted);
    expect([ran, await queued()]).toEqual([[], []]);
    await until('the run', () => ran.length === 1);
    expect(ran).toEqual([{ id: 101, attempt: 1 }]);
    await idle();
  });

  it('is queued by an action of a card', async () => {
    const path =
      '/crm-extension/panel/actions/go?portalId=62515&associatedObjectId=102&associatedObjectType=CONTACT';
    const url = world.serverUrl + path;
    const signing = { clientSecret: 'sandbox-client-secret', method: 'GET', url, body: '' };
    const answer = await fetch(url, {
      headers: signatureHeaders(['v3'], { ...signing, timestamp: Date.now() }),
    });
    expect(await answer.json()).toEqual({ message: 'Queued' });
    await until('the run', () => ran.length === 1);
    expect(ran).toEqual([{ id: 102, attempt: 1 }]);
    await idle();
  });

  it('runs once per slot and payload, however many processes have the schedule', async () => {
    const [first, second] = world.ctx.services.jobs.scheduled;
    const slots = [first?.slot ?? '', second?.slot ?? ''];
    const slot = new Date();
    await Promise.all([...slots, ...slots, ...slots].map((name) => enqueueSlot(world.ctx, name, slot)));
    await until('the runs', () => ran.length >= 2);
    await idle();
    expect(ran).toHaveLength(2);
    expect(ran).toEqual(expect.arrayContaining([7, 8].map((id) => ({ id, attempt: 1 }))));
  });
});
