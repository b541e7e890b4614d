import { EventEmitter, once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger, run, runOnce, type TaskList, type WorkerEvents } from 'graphile-worker';
import { createPool, PATIENCE, type Pool } from '../../app/db/pool.ts';
import { enqueue } from '../../app/queue/enqueue.ts';
import { webhookJobs } from '../../app/webhooks/index.ts';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';
import { type Fault, startFaultyProxy } from '../helpers/faulty-proxy.ts';
import { startFreezingProxy } from '../helpers/freezing-proxy.ts';
import { startProcess } from '../helpers/processes.ts';
import { until } from '../helpers/until.ts';

/**
 * Why `app/queue/workarounds/` exists: what graphile-worker does by itself. When one of these tests fails after an
 * update of the library, delete the workaround that it names.
 */
describe('graphile-worker by itself', () => {
  let database: TestDatabase;
  let pool: Pool;

  beforeAll(async () => {
    database = await createDatabase();
    pool = createPool({ url: database.url }, () => {}, PATIENCE.command);
  });
  beforeEach(() => pool.query('delete from graphile_worker._private_jobs'));
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  it('leaves the job of a dead worker locked for an hour and more (liveness)', async () => {
    const ran: string[] = [];
    await addJob('dead');
    await pool.query(
      `update graphile_worker._private_jobs set locked_by = 'dead', locked_at = now() - interval '1 hour'`,
    );
    await addJob('other');
    await runOnce({ pgPool: pool, taskList: noting(ran), logger: silent, noHandleSignals: true });
    expect(ran).toEqual(['other']);
  });

  it('leaves its own job locked when the connection with the answer is lost (liveness)', async () => {
    const ran: string[] = [];
    await addJob('lost');
    await withProxy(async (url, fail) => {
      const isLost = fail('attempts = jobs.attempts + 1', 'lose-answer');
      await withWorker(url, { taskList: noting(ran) }, async (workerId) => {
        await until('the answer to be lost', isLost);
        await addJob('other');
        await until('the other job to end', async () => ran.includes('other') && (await jobCount()) === 1);
        const { rows } = await pool.query('select locked_by from graphile_worker.jobs');
        expect([ran, rows]).toEqual([['other'], [{ locked_by: workerId() }]]);
      });
    });
  });

  it.each([
    ['ends the process when the connection is lost that stores a result', 'bare'],
    ['stores the result again with retryablePool', 'retryable'],
  ])('%s', async (_, kind) => {
    await withProxy(async (url, fail) => {
      const worker = await startProcess('test/queue/completing-worker.ts', { DATABASE_URL: url }, [kind]);
      try {
        const isCut = fail('delete from', 'cut');
        await addJob('work');
        await until('the connection to be cut', isCut);
        if (kind === 'bare') {
          expect(await worker.ended).toEqual({ code: 1, signal: null });
          expect(worker.output()).toContain('Connection terminated unexpectedly');
        } else {
          await until('the job to be complete', async () => (await jobCount()) === 0);
          expect(worker.child.exitCode).toBeNull();
        }
      } finally {
        await worker.kill('SIGKILL');
      }
    });
  });

  it('add_job adds nothing when a worker takes the job with that key meanwhile (untilAdded)', async () => {
    const added = await whileTaken(`select (graphile_worker.add_job('work', job_key := 'key')).id`);
    expect([added, await jobCount()]).toEqual([[{ id: null }], 1]);
  });

  it('enqueue adds a job when a worker takes the job with that key meanwhile', async () => {
    await whileTaken(undefined);
    const { rows } = await pool.query('select key, locked_by from graphile_worker.jobs order by id');
    expect(rows).toEqual([
      { key: null, locked_by: 'worker' },
      { key: 'key', locked_by: null },
    ]);
  });

  it('waits on stop for a task that ignores the abort signal (trackRunningJobs)', async () => {
    const order: string[] = [];
    const started = Promise.withResolvers<void>();
    await addJob('work');
    const taskList: TaskList = {
      async work(_payload, { abortSignal }) {
        const aborted = once(abortSignal as AbortSignal, 'abort');
        started.resolve();
        await aborted;
        order.push('aborted');
        await pause(500);
        order.push('task ended');
      },
    };
    await withWorker(database.url, { taskList, abortAfterMs: 1 }, async (_workerId, stop) => {
      await started.promise;
      await stop();
      order.push('stopped');
    });
    expect(order).toEqual(['aborted', 'task ended', 'stopped']);
  });

  it('waits on stop for a frozen database to answer (trackRunningJobs)', async () => {
    const order: string[] = [];
    const proxy = await startFreezingProxy(database.url);
    // The library prints the time-out.
    jest.spyOn(console, 'trace').mockImplementation(() => {});
    const events: WorkerEvents = new EventEmitter();
    try {
      await withWorker(proxy.url, { events, statementMs: 500 }, async (_workerId, stop) => {
        await once(events, 'worker:getJob:empty');
        proxy.freeze();
        await once(events, 'worker:getJob:start');
        events.once('worker:getJob:error', () => order.push('statement timed out'));
        await stop().catch(() => {});
        order.push('stopped');
      });
    } finally {
      await proxy.close();
      jest.restoreAllMocks();
    }
    expect(order).toEqual(['statement timed out', 'stopped']);
  });

  const addJob = (name: string) =>
    pool.query(`select graphile_worker.add_job($1, json_build_object('name', $1::text))`, [name]);

  const jobCount = async (): Promise<number> =>
    (await pool.query('select count(*) from graphile_worker.jobs')).rows[0].count;

  /**
   * Adds a job with the key of one that a worker takes at the same time: its transaction commits between the two
   * statements of add_job, of which the second waits for it.
   * @param statement `enqueue` when absent.
   */
  async function whileTaken(statement: string | undefined): Promise<unknown[]> {
    await pool.query(`select graphile_worker.add_job('work', job_key := 'key')`);
    const [worker, caller] = await Promise.all([pool.connect(), pool.connect()]);
    try {
      await worker.query('begin');
      await worker.query(
        `update graphile_worker._private_jobs set locked_by = 'worker', locked_at = now() where key = 'key'`,
      );
      const { rows } = await caller.query('select pg_backend_pid() as pid');
      const adding = statement
        ? caller.query(statement).then((result) => result.rows)
        : enqueue(caller, webhookJobs.wake, {}, { jobKey: 'key' }).then(() => []);
      await until('add_job to wait for the worker', async () => {
        const waiting = await pool.query(
          `select from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'`,
          [rows[0].pid],
        );
        return waiting.rowCount === 1;
      });
      await worker.query('commit');
      return await adding;
    } finally {
      worker.release();
      caller.release();
    }
  }

  async function withProxy(
    test: (url: string, fail: (text: string, fault: Fault) => () => boolean) => Promise<void>,
  ): Promise<void> {
    const proxy = await startFaultyProxy(database.url);
    try {
      await test(proxy.url, proxy.fail);
    } finally {
      await proxy.close();
    }
  }
});

const silent = new Logger(() => () => {});

const noting = (ran: string[]): TaskList =>
  Object.fromEntries(
    ['dead', 'lost', 'other'].map((name) => [
      name,
      () => {
        ran.push(name);
      },
    ]),
  );

interface WorkerOptions {
  readonly taskList?: TaskList;
  readonly events?: WorkerEvents;
  readonly abortAfterMs?: number;
  readonly statementMs?: number;
}

/** Runs the library's own worker, with a pool of its own, until the test has ended. */
async function withWorker(
  url: string,
  { taskList = {}, events = new EventEmitter(), abortAfterMs = 5_000, statementMs = 60_000 }: WorkerOptions,
  test: (workerId: () => string, stop: () => Promise<void>) => Promise<void>,
): Promise<void> {
  let workerId = '';
  events.on('pool:create', ({ workerPool }) => {
    workerId = workerPool.id;
  });
  const pool = createPool({ url }, () => {}, { connectMs: 60_000, statementMs });
  const runner = await run({
    pgPool: pool,
    taskList: { work: () => {}, ...taskList },
    events,
    concurrency: 1,
    pollInterval: 20,
    noHandleSignals: true,
    logger: silent,
    preset: { worker: { preparedStatements: false, gracefulShutdownAbortTimeout: abortAfterMs } },
  });
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= runner.stop());
  try {
    await test(() => workerId, stop);
  } finally {
    await stop().catch(() => {});
    // The library's stop does not wait for the statement that stores the last result.
    await until('its last statements to end', () => pool.idleCount === pool.totalCount && !pool.waitingCount);
    await pool.end();
  }
}
