import { scheduleJob } from 'node-schedule';
import type { Context } from './context.ts';
import { inTransaction } from './db/transaction.ts';
import { enqueue } from './queue/enqueue.ts';
import { scheduleSlotsStore } from './queue/schedule-slots-store.ts';

const MINUTE_MS = 60 * 1000;
const EVERY_MINUTE = '* * * * *';

/** Cron expressions in UTC. The schedule only enqueues; `app/tasks.ts` has the jobs. */
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
 * Starts the schedule of this process. Each slot is claimed in PostgreSQL, so a job is enqueued once however many workers
 * there are. Jobs of every minute are enqueued at once, as much may have become due while no worker ran.
 */
export function startSchedule(ctx: Context): { stop(): void } {
  const tick = (name: Scheduled, slot: Date) =>
    enqueueSlot(ctx, name, slot).catch((error) =>
      ctx.logger.error(
        { err: error, job: name },
        'a scheduled job was not enqueued; retrying at its next slot',
      ),
    );
  const thisMinute = new Date(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS);
  const jobs = Object.entries(SCHEDULE).map(([name, rule]) => {
    if (rule === EVERY_MINUTE) tick(name as Scheduled, thisMinute);
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
    // A sweep that backs off because HubSpot asked for it does not run early.
    await enqueue(tx, name, {}, { jobKey: name, keepsRunAt: true });
  });
}
