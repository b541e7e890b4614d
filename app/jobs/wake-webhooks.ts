import type { Pool } from '../db/pool.ts';
import { webhookDeliveriesStore } from '../db/webhook-deliveries-store.ts';
import { webhookEventsStore } from '../db/webhook-events-store.ts';
import { wakeLanes, wakeSplitter } from '../services/webhook-lanes.ts';

/**
 * Finds webhook work that no job stands for, each minute. There should be none: it is what is left should a job be
 * removed by hand or give up after the database was away for long.
 */
export async function wakeWebhooks(pool: Pool): Promise<void> {
  if (await webhookDeliveriesStore.hasWaiting(pool)) await wakeSplitter(pool);
  await wakeLanes(pool, await webhookEventsStore.busyLanes(pool));
}
