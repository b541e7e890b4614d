import { EventEmitter } from 'node:events';
import {
  Logger as QueueLogger,
  run,
  type TaskList,
  type WorkerEvents,
  type WorkerPool,
} from 'graphile-worker';
import pTimeout from 'p-timeout';
import type { Logger } from '../base/logger.ts';
import { SHUTDOWN } from '../base/shutdown.ts';
import type { Pool } from '../db/pool.ts';
import type { SessionLocks } from '../db/session-locks.ts';
import type { Task } from './job.ts';
import { createLiveness } from './workarounds/liveness.ts';
import { retryablePool } from './workarounds/retryable-pool.ts';
import { trackRunningJobs } from './workarounds/running-jobs.ts';

/** Time to store the results of the last jobs. */
const BOOKKEEPING_MS = 1_000;

export interface RunnerParts {
  readonly pool: Pool;
  readonly locks: SessionLocks;
  readonly logger: Logger;
  /** How many jobs run at once. */
  readonly concurrency: number;
  /** @param stopping true when the worker is about to end: long jobs return at the next good moment. */
  readonly createTasks: (stopping: () => boolean) => readonly Task[];
}

export interface JobRunner {
  /** Resolves when the runner ends by itself, which it does only when it cannot go on. */
  readonly ended: Promise<void>;
  /**
   * Takes no new job and waits for the running ones; those that take too long go back to the queue.
   * @returns how many those were.
   */
  stop(): Promise<number>;
}

export async function startRunner(parts: RunnerParts): Promise<JobRunner> {
  const { pool, logger, concurrency } = parts;
  let stopping = false;
  const events: WorkerEvents = new EventEmitter();
  const jobs = trackRunningJobs(events);
  const liveness = createLiveness({ ...parts, events });
  events.on('pool:create', ({ workerPool }: { workerPool: WorkerPool }) => liveness.begin(workerPool.id));
  const runner = await run({
    pgPool: retryablePool(pool),
    taskList: jobs.abortable(taskListOf(parts.createTasks(() => stopping))),
    concurrency,
    noHandleSignals: true,
    events,
    logger: new QueueLogger(() => (level, message, meta) => {
      if (level === 'error') logger.error({ err: meta?.error }, message);
      else logger.debug(message);
    }),
    preset: { worker: { gracefulShutdownAbortTimeout: SHUTDOWN.workMs } },
  });
  return {
    ended: runner.promise,
    async stop() {
      stopping = true;
      const stopped = runner.stop().catch((err: Error) => logger.debug({ err }, 'the runner had stopped'));
      const ended = new AbortController();
      await Promise.race([stopped, jobs.idleFor(BOOKKEEPING_MS, ended.signal)]);
      ended.abort();
      await pTimeout(liveness.end(), { milliseconds: BOOKKEEPING_MS, message: false });
      return jobs.aborted();
    },
  };
}

/** The library knows payloads only as unknown; the type of `enqueue` has checked them. */
const taskListOf = (tasks: readonly Task[]) =>
  Object.fromEntries(tasks.map(({ name, run }) => [name, run])) as TaskList;
