import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import {
  Logger as QueueLogger,
  run,
  type TaskList,
  type WorkerEvents,
  type WorkerPool,
} from 'graphile-worker';
import { SHUTDOWN } from '../base/shutdown.ts';
import { withinTime } from '../base/within-time.ts';
import type { Context } from '../context.ts';
import { createTasks } from '../tasks.ts';
import { JOB_QUEUES } from '../jobs/index.ts';
import { TIMELINE_QUEUES } from '../timeline/jobs.ts';
import { LANES } from '../webhooks/pipeline/lanes.ts';
import { createLiveness } from './liveness.ts';
import { patientPool } from './patient-pool.ts';

/**
 * The lanes of webhooks may all be waiting for slow handlers, and the queues of app events for HubSpot; the other jobs
 * still find room.
 */
const CONCURRENCY = LANES + TIMELINE_QUEUES + JOB_QUEUES + 8;
/** For storing how the last jobs went. */
const BOOKKEEPING_MS = 1_000;

export interface JobRunner {
  /** Resolves when the runner ends by itself, which it does only when it cannot go on. */
  readonly ended: Promise<void>;
  /**
   * Takes no new job and waits for the running ones; those that take too long go back to the queue.
   * @returns how many those were.
   */
  stop(): Promise<number>;
}

export async function startJobRunner(ctx: Context): Promise<JobRunner> {
  let stopping = false;
  const events: WorkerEvents = new EventEmitter();
  const work = trackWork(events);
  const liveness = createLiveness({ ...ctx, events });
  events.on('pool:create', ({ workerPool }: { workerPool: WorkerPool }) => liveness.begin(workerPool.id));
  const runner = await run({
    pgPool: patientPool(ctx.pool),
    taskList: work.abortable(createTasks(ctx, () => stopping)),
    concurrency: CONCURRENCY,
    noHandleSignals: true,
    events,
    logger: new QueueLogger(() => (level, message, meta) => {
      if (level === 'error') ctx.logger.error({ err: meta?.error }, message);
      else ctx.logger.debug(message);
    }),
    preset: { worker: { gracefulShutdownAbortTimeout: SHUTDOWN.workMs } },
  });
  return {
    ended: runner.promise,
    async stop() {
      stopping = true;
      const stopped = runner
        .stop()
        .catch((err: Error) => ctx.logger.debug({ err }, 'the runner had stopped'));
      await Promise.race([stopped, work.ended()]);
      await withinTime(liveness.end(), BOOKKEEPING_MS);
      return work.cutOff();
    },
  };
}

/**
 * While the database is away, the library goes on trying to fetch jobs and to store how they went, and its stop waits
 * for that. Only the jobs are worth waiting for: what is not stored is run again by another worker.
 */
function trackWork(events: WorkerEvents) {
  const underWay = new Set<string>();
  let cutOff = 0;
  events.on('job:start', ({ job }) => underWay.add(job.id));
  events.on('job:complete', ({ job }) => underWay.delete(job.id));

  return {
    /** Tasks that fail when the time for them ends while they are under way, so that another worker takes their jobs. */
    abortable: (tasks: ReturnType<typeof createTasks>): TaskList =>
      Object.fromEntries(
        Object.entries(tasks).map(([name, task]) => [
          name,
          // The names are checked in createTasks; the library knows payloads only as unknown.
          (payload, helpers) => untilAborted(helpers.abortSignal, () => task(payload as never, helpers)),
        ]),
      ),

    /** How many tasks were still under way when the time for them ended. */
    cutOff: () => cutOff,

    /** Resolves when no job has been under way for a moment. */
    async ended(): Promise<void> {
      let idleSince = performance.now();
      while (performance.now() - idleSince < BOOKKEEPING_MS) {
        if (underWay.size > 0) idleSince = performance.now();
        await pause(50);
      }
    },
  };

  /** The library's own promise of the abort lives as long as the worker, and would keep something of each job. */
  async function untilAborted(signal: AbortSignal, task: () => Promise<void>): Promise<void> {
    const aborted = Promise.withResolvers<never>();
    const abort = () => {
      cutOff += 1;
      aborted.reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([task(), aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}
