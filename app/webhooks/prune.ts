import type { Pool } from '../db/pool.ts';
import { webhookDeliveriesStore } from './deliveries-store.ts';
import { webhookEventsStore } from './events-store.ts';
import { ownWritesStore } from './own-writes/store.ts';

const PAGE = 1_000;
const OWN_WRITES_PAGE = 5_000;

/** Deletes settled events and deliveries that are older than `before`, page by page, so that no lock is held for long. */
export async function pruneWebhooks(pool: Pool, before: Date, stopping: () => boolean): Promise<void> {
  for (const store of [webhookEventsStore, webhookDeliveriesStore]) {
    while (!stopping() && (await store.prune(pool, before, PAGE)) === PAGE);
  }
}

export async function pruneOwnWrites(pool: Pool, before: Date, stopping: () => boolean): Promise<void> {
  while (!stopping() && (await ownWritesStore.prune(pool, before, OWN_WRITES_PAGE)) === OWN_WRITES_PAGE);
}
