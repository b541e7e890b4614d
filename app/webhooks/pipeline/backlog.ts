import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '../../base/logger.ts';
import { createGroupCommit } from '../../db/group-commit.ts';
import type { Pool } from '../../db/pool.ts';
import { type WaitingDeliveries, webhookDeliveriesStore } from '../deliveries-store.ts';
import { wakeSplitter } from './lanes.ts';

/** How long lanes wait for the splitter. When it does not catch up, they go on without it for the same time. */
const PATIENCE_MS = 30_000;
/** A splitter that takes less time keeps up with the deliveries. */
const KEEPS_UP_MS = 250;
/** A delivery that has waited longer is part of a backlog. */
const BACKLOG_MS = 1_000;
const LOOK_EVERY_MS = 25;
const WAKE_EVERY_MS = 10_000;

export type WebhookBacklog = ReturnType<typeof createWebhookBacklog>;

interface Dependencies {
  pool: Pool;
  logger: Logger;
  patienceMs?: number | undefined;
}

/**
 * Stored deliveries that are not split yet. They may contain earlier events of a record than the stored ones, so lanes
 * wait for them; after an outage there may be many. Events that are stored while their record is being handled are late,
 * as if HubSpot had sent them later.
 */
export function createWebhookBacklog({ pool, logger, patienceMs = PATIENCE_MS }: Dependencies) {
  let wakeAgainAt = 0;
  let goOnUntil = 0;

  /** One query answers all lanes that asked before it began. */
  const looks = createGroupCommit<undefined, WaitingDeliveries | undefined>(async (asked) => {
    const waiting = await webhookDeliveriesStore.waiting(pool);
    if (waiting && waiting.oldestMs > BACKLOG_MS && performance.now() > wakeAgainAt) {
      // The process that stored them may have died before it woke the splitter.
      wakeAgainAt = performance.now() + WAKE_EVERY_MS;
      // Not an error of the lanes, and the splitter is woken again.
      await wakeSplitter(pool).catch((err) => logger.warn({ err }, 'the splitter could not be woken'));
    }
    return asked.map(() => waiting);
  }, 1_000);

  return {
    /**
     * Resolves when the deliveries that are stored now have been split and, if that takes long, those that came
     * meanwhile too. Resolves early when `stopping` returns true or the patience ends.
     */
    async whenSplit(stopping: () => boolean): Promise<void> {
      await untilCaughtUp(await looks.add(undefined), stopping);
    },

    /** The same, but resolves at once when the splitter keeps up. */
    async whenShort(stopping: () => boolean): Promise<void> {
      const waiting = await looks.add(undefined);
      if (waiting && waiting.oldestMs > BACKLOG_MS) await untilCaughtUp(waiting, stopping);
    },
  };

  async function untilCaughtUp(found: WaitingDeliveries | undefined, stopping: () => boolean): Promise<void> {
    const patienceEnds = performance.now() + patienceMs;
    for (let waiting = found; waiting; ) {
      const began = performance.now();
      const { newestId } = waiting;
      while (waiting && waiting.oldestId <= newestId) {
        if (performance.now() > patienceEnds) goOnUntil = performance.now() + patienceMs;
        if (stopping() || performance.now() < goOnUntil) return;
        await pause(LOOK_EVERY_MS);
        waiting = await looks.add(undefined);
      }
      if (performance.now() - began < KEEPS_UP_MS) return;
    }
  }
}
