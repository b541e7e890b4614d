import { scheduleJob } from 'node-schedule';
import type { Context } from './context.ts';
import { inTransaction } from './db/transaction.ts';
import { enqueue } from './queue/enqueue.ts';
import { scheduleSlotsStore } from './queue/schedule-slots-store.ts';

const MINUTE_MS = 60 * 1000;
const EVERY_MINUTE = '* * * * *';

/** Clock times in UTC, as cron lines. The clock only enqueues; the jobs are in `app/jobs/`. */
const SCHEDULE = {
  'refresh-expiring-tokens': EVERY_MINUTE,
  'wake-webhooks': EVERY_MINUTE,
  'send-forgotten-timeline-events': EVERY_MINUTE,
  'prune-webhooks': '37 * * * *',
  'prune-own-writes': '*/5 * * * *',
  'prune-oauth-states': '17 3 * * *',
  'prune-install-history': '47 * * * *',
} as const;

type Scheduled = keyof typeof SCHEDULE;

/**
 * Starts the clock of this process. Every worker has one; each slot is claimed in Postgres, so a job is enqueued
 * once however many processes there are. What is to happen every minute begins at once: while no worker ran, much
 * may have become due.
 */
export function startSchedule(ctx: Context): { stop(): void } {
  const tick = (name: Scheduled, slot: Date) =>
    enqueueSlot(ctx, name, slot).catch((error) =>
      ctx.logger.error(
        { err: error, job: name },
        'a scheduled job could not be enqueued; its next slot will try again',
      ),
    );
  const thisMinute = new Date(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS);
  const jobs = Object.entries(SCHEDULE).map(([name, rule]) => {
    if (rule === EVERY_MINUTE) void tick(name as Scheduled, thisMinute);
    return scheduleJob(name, { rule, tz: 'Etc/UTC' }, (slot) => tick(name as Scheduled, slot));
  });
  return {
    stop() {
      for (const job of jobs) job.cancel();
    },
  };
}

/** Enqueues a scheduled job unless another process has done so for this slot. */
export function enqueueSlot(ctx: Context, name: Scheduled, slot: Date): Promise<void> {
  return inTransaction(ctx.pool, async (tx) => {
    if (!(await scheduleSlotsStore.claim(tx, name, slot))) return;
    // A sweep that waits because HubSpot asked it to is not called early.
    await enqueue(tx, name, {}, { jobKey: name, keepsRunAt: true });
  });
}
