import { createHash } from 'node:crypto';
import type { Logger } from '../base/logger.ts';
import type { Db, Pool } from '../db/pool.ts';
import { inTransaction } from '../db/transaction.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import { enqueue, type JobOptions } from '../queue/enqueue.ts';
import { queueJob, type Task } from '../queue/job.ts';
import type { TimelineService } from '../timeline/index.ts';
import { type AnyJob, type Enqueue, type EnqueueOptions, parsePayload, type ScheduledJob } from './job.ts';

/** So many of the vendor's jobs run at once, over all workers: webhooks and tokens do not wait behind slow ones. */
export const JOB_QUEUES = 16;
const AFTER_OTHERS = 10;

/** A job as the queue knows it. `parsePayload` has checked what goes in and checks what comes out. */
const queued = ({ name }: AnyJob) => queueJob<unknown>(`integration:${name}`);

/** What the queue knows of one run. */
export interface JobRun {
  readonly job: { readonly id: string; readonly attempts: number };
  readonly abortSignal?: AbortSignal | undefined;
}

interface Dependencies {
  jobs: readonly AnyJob[];
  schedule: readonly ScheduledJob[];
  pool: Pool;
  hubspotFor: HubSpotFor;
  timeline: Pick<TimelineService, 'send'>;
  logger: Logger;
}

export type JobService = ReturnType<typeof createJobs>;

/** The vendor's queued and scheduled jobs. */
export function createJobs({ jobs, schedule, pool, hubspotFor, timeline, logger }: Dependencies) {
  const known = new Set(jobs);

  return {
    /** @param db the transaction that the queued job commits with. */
    enqueueIn,

    /** Commits by itself. */
    enqueue: enqueueIn(pool),

    /** One task for each job. */
    tasks: (): readonly Task[] =>
      jobs.map((job) => queued(job).task((payload, run) => runJob(job, payload, run))),

    /** Each entry with the name of its slot: entries of one job differ in their cron line or payload. */
    scheduled: schedule.map(({ job, cron, payload }) => {
      const slot = `${queued(job).name} ${cron} ${digestOf(payload)}`.trimEnd();
      return {
        slot,
        cron,
        // A failed run that backs off is not started early.
        enqueue: (tx: Db) => add(tx, job, payload, { jobKey: slot, keepsRunAt: true }),
      };
    }),
  };

  function enqueueIn(db: Db): Enqueue {
    return async (job: AnyJob, ...[payload, options = {}]: [unknown?, EnqueueOptions?]) => {
      if (!known.has(job)) {
        throw new Error(
          `The job ${job.name} is not in \`jobs\` of integration/index.ts, so nothing would run it.`,
        );
      }
      const { runAt, key } = options;
      await add(db, job, payload, {
        runAt,
        jobKey: key === undefined ? undefined : `${queued(job).name}:${key}`,
      });
    };
  }

  async function add(db: Db, job: AnyJob, payload: unknown, options: JobOptions): Promise<void> {
    await parsePayload(job, payload);
    await enqueue(db, queued(job), payload ?? null, {
      ...options,
      queue: `integration:${Math.floor(Math.random() * JOB_QUEUES)}`,
      maxAttempts: job.maxAttempts,
      priority: AFTER_OTHERS,
    });
  }

  async function runJob(job: AnyJob, payload: unknown, { job: { id, attempts }, abortSignal }: JobRun) {
    const log = logger.child({ job: job.name, jobId: id, attempt: attempts });
    try {
      const running: unknown = job.run(await parsePayload(job, payload), {
        log,
        hubspot: (portalId) => hubspotFor(portalId, 'background'),
        sendTimelineEvent: (portalId, event) => timeline.send(portalId, event),
        db: pool,
        transaction: (work) => inTransaction(pool, (tx) => work({ db: tx, enqueue: enqueueIn(tx) })),
        enqueue: enqueueIn(pool),
        signal: abortSignal ?? new AbortController().signal,
        jobId: id,
        attempt: attempts,
      });
      if (!isPromiseLike(running)) {
        throw new TypeError(
          `The job ${job.name} returned no promise: declare it as \`async run(payload, context) { … }\`.`,
        );
      }
      await running;
    } catch (error) {
      // The queue stores and logs the message of an Error only.
      throw error instanceof Error
        ? error
        : new Error(`The job ${job.name} threw a value that is not an Error: ${error}`);
    }
  }
}

const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function';

/** Job keys are bounded. */
const digestOf = (payload: unknown) =>
  payload === undefined ? '' : createHash('sha256').update(JSON.stringify(payload)).digest('base64url');
