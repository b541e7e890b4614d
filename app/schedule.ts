import { scheduleJob } from 'node-schedule';
import type { Context } from './context.ts';
import type { Db } from './db/pool.ts';
import { inTransaction } from './db/transaction.ts';
import { installJobs } from './installs/index.ts';
import { enqueue } from './queue/enqueue.ts';
import type { NoPayload, QueueJob } from './queue/job.ts';
import { scheduleSlotsStore } from './queue/schedule-slots-store.ts';
import { timelineJobs } from './timeline/index.ts';
import { webhookJobs } from './webhooks/index.ts';

const MINUTE_MS = 60 * 1000;
const EVERY_MINUTE = '* * * * *';

/** Cron expressions in UTC. The schedule only enqueues; `app/tasks.ts` states what runs the jobs. */
const SCHEDULE: readonly (readonly [QueueJob<NoPayload>, cron: string])[] = [
  [installJobs.refreshExpiringTokens, EVERY_MINUTE],
  [webhookJobs.wake, EVERY_MINUTE],
  [timelineJobs.sendForgotten, EVERY_MINUTE],
  [webhookJobs.prune, '37 * * * *'],
  [webhookJobs.pruneOwnWrites, '*/5 * * * *'],
  [installJobs.pruneStates, '17 3 * * *'],
  [installJobs.pruneHistory, '47 * * * *'],
];

interface Entry {
  /** Under which its slots are claimed. */
  readonly slot: string;
  readonly cron: string;
  enqueue(tx: Db): Promise<void>;
}

/**
 * Starts the schedule of this process. Each slot is claimed in PostgreSQL, so a job is enqueued once however many workers
 * there are. Jobs of every minute are enqueued at once, as much may have become due while no worker ran.
 */
export function startSchedule(ctx: Context): { stop(): void } {
  const tick = (entry: Entry, slot: Date) =>
    claimAndEnqueue(ctx, entry, slot).catch((error) =>
      ctx.logger.error(
        { err: error, job: entry.slot },
        'a scheduled job was not enqueued; retrying at its next slot',
      ),
    );
  const thisMinute = new Date(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS);
  const jobs = entriesOf(ctx).map((entry) => {
    if (entry.cron === EVERY_MINUTE) void tick(entry, thisMinute);
    return scheduleJob(entry.slot, { rule: entry.cron, tz: 'Etc/UTC' }, (slot) => tick(entry, slot));
  });
  return {
    stop() {
      for (const job of jobs) job?.cancel();
    },
  };
}

/** Enqueues a scheduled job unless another process has done so for this slot. */
export async function enqueueSlot(ctx: Context, name: string, slot: Date): Promise<void> {
  const entry = entriesOf(ctx).find((one) => one.slot === name);
  if (!entry) throw new Error(`Nothing is scheduled as ${name}.`);
  await claimAndEnqueue(ctx, entry, slot);
}

const entriesOf = ({ services }: Pick<Context, 'services'>): Entry[] => [
  ...SCHEDULE.map(([job, cron]) => ({
    slot: job.name,
    cron,
    // A sweep that backs off because HubSpot asked it to is not called early.
    enqueue: (tx: Db) => enqueue(tx, job, {}, { jobKey: job.name, keepsRunAt: true }),
  })),
  ...services.jobs.scheduled,
];

const claimAndEnqueue = ({ pool }: Context, entry: Entry, slot: Date): Promise<void> =>
  inTransaction(pool, async (tx) => {
    if (await scheduleSlotsStore.claim(tx, entry.slot, slot)) await entry.enqueue(tx);
  });
