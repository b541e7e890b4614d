import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from '../../db/pool.ts';
import { webhookDeliveriesStore } from '../deliveries-store.ts';
import { webhookEventsStore } from '../events-store.ts';
import { wakeLanes, wakeSecondSplitter, wakeSplitter } from './lanes.ts';

/** A delivery that has waited for longer, and goes on waiting, is not being split. */
const LONG_MS = 60_000;
/** Longer than a round of splitting takes. */
const ROUND_MS = 3_000;

/**
 * Finds webhook work that no job stands for, each minute. There should be none: it is what is left should a job be
 * removed by hand or give up after the database was away for long, or a worker stand still with the splitting in hand.
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
