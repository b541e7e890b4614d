import type { Pool } from '../db/pool.ts';
import { timelineEventsStore } from '../timeline/store.ts';
import { webhookDeliveriesStore } from './deliveries-store.ts';
import { webhookEventsStore } from './events-store.ts';

const PAGE = 1_000;

/**
 * Deletes deliveries, events and app events that were settled before `before`, page by page, so that no lock is held
 * for long.
 */
export async function pruneWebhooks(pool: Pool, before: Date, stopping: () => boolean): Promise<void> {
  for (const store of [webhookEventsStore, webhookDeliveriesStore, timelineEventsStore]) {
    while (!stopping() && (await store.prune(pool, before, PAGE)) === PAGE);
  }
}
