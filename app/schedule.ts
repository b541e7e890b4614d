import { scheduleJob } from 'node-schedule';
import type { Context } from './context.ts';
import { scheduleSlotsStore } from './db/schedule-slots-store.ts';
import { inTransaction } from './db/transaction.ts';
import { enqueue } from './jobs/enqueue.ts';

/** Clock times in UTC, as cron lines. The clock only enqueues; the jobs are in `app/jobs/`. */
const SCHEDULE = {
  'refresh-expiring-tokens': '* * * * *',
  'wake-webhooks': '* * * * *',
  'prune-webhooks': '37 * * * *',
  'prune-oauth-states': '17 3 * * *',
  'prune-install-history': '47 * * * *',
} as const;

/**
 * Starts the clock of this process. Every worker has one; each slot is claimed in Postgres, so a job is enqueued
 * once however many processes there are.
 */
export function startSchedule(ctx: Context): { stop(): void } {
  const jobs = Object.entries(SCHEDULE).map(([name, rule]) =>
    scheduleJob(name, { rule, tz: 'Etc/UTC' }, (slot) => {
      enqueueSlot(ctx, name as keyof typeof SCHEDULE, slot).catch((error) =>
        ctx.logger.error(
          { err: error, job: name },
          'a scheduled job could not be enqueued; its next slot will try again',
        ),
      );
    }),
  );
  return {
    stop() {
      for (const job of jobs) job.cancel();
    },
  };
}

/** Enqueues a scheduled job unless another process has done so for this slot. */
export function enqueueSlot(ctx: Context, name: keyof typeof SCHEDULE, slot: Date): Promise<void> {
  return inTransaction(ctx.pool, async (tx) => {
    if (!(await scheduleSlotsStore.claim(tx, name, slot))) return;
    // A sweep that waits because HubSpot asked it to is not called early.
    await enqueue(tx, name, {}, { jobKey: name, keepsRunAt: true });
  });
}
