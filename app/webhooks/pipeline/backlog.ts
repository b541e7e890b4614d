import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '../../base/logger.ts';
import { createGroupCommit } from '../../db/group-commit.ts';
import type { Pool } from '../../db/pool.ts';
import { type WaitingDeliveries, webhookDeliveriesStore } from '../deliveries-store.ts';
import { wakeSplitter } from './lanes.ts';

/** So long lanes wait for the splitting. Should it never catch up, they then go on beside it for as long. */
const PATIENCE_MS = 30_000;
/** Splitting that takes no longer keeps up with what comes. */
const KEEPS_UP_MS = 250;
/** A delivery that has waited for longer is part of a backlog. */
const BACKLOG_MS = 1_000;
const LOOK_EVERY_MS = 25;
const ASK_EVERY_MS = 10_000;

export type WebhookBacklog = ReturnType<typeof createWebhookBacklog>;

interface Dependencies {
  pool: Pool;
  logger: Logger;
  patienceMs?: number | undefined;
}

/**
 * Deliveries that are stored and not split yet: they may hold earlier events of a record than those at hand, so lanes
 * wait for them. After an outage that is all that came meanwhile. What is stored while its record is being handled
 * is late, as it would be had HubSpot sent it later.
 */
export function createWebhookBacklog({ pool, logger, patienceMs = PATIENCE_MS }: Dependencies) {
  let askAgainAt = 0;
  let goOnUntil = 0;

  /** One look answers all lanes that asked before it began. */
  const looks = createGroupCommit<undefined, WaitingDeliveries | undefined>(async (asked) => {
    const waiting = await webhookDeliveriesStore.waiting(pool);
    if (waiting && waiting.oldestMs > BACKLOG_MS && performance.now() > askAgainAt) {
      // The process that stored them may have died before it asked.
      askAgainAt = performance.now() + ASK_EVERY_MS;
      // The lanes have their work all the same, and somebody asks again.
      await wakeSplitter(pool).catch((err) => logger.warn({ err }, 'the splitting cannot be asked for now'));
    }
    return asked.map(() => waiting);
  }, 1_000);

  return {
    /**
     * Resolves when what is stored by now has been split; where that takes long, what came meanwhile too. Resolves
     * early when `stopping` says so or patience ends.
     */
    async whenSplit(stopping: () => boolean): Promise<void> {
      await untilCaughtUp(await looks.add(undefined), stopping);
    },

    /** The same, but at once when the splitting keeps up. */
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
