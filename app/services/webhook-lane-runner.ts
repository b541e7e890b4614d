import type { Clock } from '../clock.ts';
import { createGroupCommit } from '../db/group-commit.ts';
import type { Pool } from '../db/pool.ts';
import { type PendingEvent, webhookEventsStore } from '../db/webhook-events-store.ts';
import type { Logger } from '../logger.ts';
import type { WebhookDispatcher } from './webhook-dispatcher.ts';
import { wakeLanes } from './webhook-lanes.ts';
import { retryPlan } from './webhook-retry.ts';

const BATCH = 1_000;
const RECORDS_AT_ONCE = 16;
/** A lane with endless work makes room for the others after this. */
const LONGEST_TURN_MS = 5_000;

export type WebhookLaneRunner = ReturnType<typeof createWebhookLaneRunner>;

interface Dependencies {
  pool: Pool;
  dispatcher: WebhookDispatcher;
  clock: Clock;
  logger: Logger;
}

/** Handles the events of a lane: of one record one after another in order, of different records side by side. */
export function createWebhookLaneRunner({ pool, dispatcher, clock, logger }: Dependencies) {
  const marks = createGroupCommit<string>((ids) => webhookEventsStore.done(pool, ids), 1_000);

  return {
    /** Works the lane until it is empty, its turn is over, or `stopping` says so. */
    async run(lane: number, stopping: () => boolean): Promise<void> {
      const turnEnds = performance.now() + LONGEST_TURN_MS;
      for (;;) {
        const pending = await webhookEventsStore.pending(pool, lane, BATCH);
        if (pending.length === 0) break;
        await runBatch(pending, stopping);
        if (performance.now() > turnEnds || stopping()) {
          await wakeLanes(pool, [lane]);
          return;
        }
      }
      const retryAt = await webhookEventsStore.nextRetry(pool, lane);
      if (retryAt) await wakeLanes(pool, [lane], retryAt);
    },
  };

  async function runBatch(pending: readonly PendingEvent[], stopping: () => boolean): Promise<void> {
    const records = Map.groupBy(pending, ({ record }) => record).values();
    const marked: Promise<void>[] = [];
    const runRecords = async () => {
      for (const events of records) {
        for (const event of events) {
          if (stopping()) return;
          const outcome = await runEvent(event);
          // The next event of a record does not wait for the mark: after a crash both would run again, in order.
          if (outcome === 'to_mark') marked.push(marks.add(event.id));
          if (outcome === 'failed') break;
        }
      }
    };
    await Promise.all(Array.from({ length: RECORDS_AT_ONCE }, runRecords));
    await Promise.all(marked);
  }

  async function runEvent(pending: PendingEvent): Promise<'marked' | 'to_mark' | 'failed'> {
    try {
      return (await dispatcher.handle(pending)) ? 'marked' : 'to_mark';
    } catch (err) {
      const attempt = pending.attempts + 1;
      const runAt = retryPlan(err, attempt, clock.now());
      const about = { err, eventId: pending.id, portalId: pending.event.portalId, attempt };
      if (runAt)
        logger.warn({ ...about, retryAt: runAt }, 'a webhook handler failed; the event will be tried again');
      else logger.error(about, 'a webhook handler failed for the last time; the event is parked as dead');
      await webhookEventsStore.failed(
        pool,
        pending.id,
        err instanceof Error ? err.message : String(err),
        runAt,
      );
      return runAt ? 'failed' : 'marked';
    }
  }
}
