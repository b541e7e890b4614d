import { EventEmitter } from 'node:events';
import {
  Logger as QueueLogger,
  run,
  type TaskList,
  type WorkerEvents,
  type WorkerPool,
} from 'graphile-worker';
import type { Context } from '../context.ts';
import { LANES } from '../services/webhook-lanes.ts';
import { createTasks } from './index.ts';
import { createLiveness } from './liveness.ts';
import { patientPool } from './patient-pool.ts';

/** The lanes of webhooks may all be waiting for slow handlers; the other jobs still find room. */
const CONCURRENCY = LANES + 8;
/** Heroku kills 30 seconds after SIGTERM. */
const SHUTDOWN_MS = 25_000;

export interface JobRunner {
  /** Resolves when the runner ends by itself, which it does only when it cannot go on. */
  readonly ended: Promise<void>;
  /** Takes no new job and waits for the running ones, 25 seconds at the most. */
  stop(): Promise<void>;
}

export async function startJobRunner(ctx: Context): Promise<JobRunner> {
  let stopping = false;
  const events: WorkerEvents = new EventEmitter();
  const liveness = createLiveness({ ...ctx, events });
  events.on('pool:create', ({ workerPool }: { workerPool: WorkerPool }) => liveness.begin(workerPool.id));
  const runner = await run({
    pgPool: patientPool(ctx.pool),
    // The names are checked in createTasks; the library knows payloads only as unknown.
    taskList: createTasks(ctx, () => stopping) as unknown as TaskList,
    concurrency: CONCURRENCY,
    noHandleSignals: true,
    events,
    logger: new QueueLogger(() => (level, message, meta) => {
      if (level === 'error') ctx.logger.error({ err: meta?.error }, message);
      else ctx.logger.debug(message);
    }),
    preset: { worker: { gracefulShutdownAbortTimeout: SHUTDOWN_MS } },
  });
  return {
    ended: runner.promise,
    async stop() {
      stopping = true;
      await runner.stop().catch((error: Error) => ctx.logger.debug({ err: error }, 'the runner had stopped'));
      await liveness.end();
    },
  };
}
