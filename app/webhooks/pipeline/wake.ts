import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from '../../db/pool.ts';
import { webhookDeliveriesStore } from '../deliveries-store.ts';
import { webhookEventsStore } from '../events-store.ts';
import { wakeLanes, wakeSecondSplitter, wakeSplitter } from './lanes.ts';

/** A delivery that has waited longer, and still waits after a round, is not being split. */
const LONG_MS = 60_000;
/** Longer than a round of splitting. */
const ROUND_MS = 3_000;

/**
 * Enqueues the missing jobs of waiting webhooks, each minute. Jobs are missing only when they were removed by hand or
 * used up their attempts, or when the worker that was splitting is frozen.
 */
export async function wakeWebhooks(pool: Pool): Promise<void> {
  const waiting = await webhookDeliveriesStore.waiting(pool);
  if (waiting) await wakeSplitter(pool);
  await wakeLanes(pool, await webhookEventsStore.busyLanes(pool));
  if (!waiting || waiting.oldestMs < LONG_MS) return;
  await pause(ROUND_MS);
  const later = await webhookDeliveriesStore.waiting(pool);
  if (later?.oldestId === waiting.oldestId) await wakeSecondSplitter(pool);
}
