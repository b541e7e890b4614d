import type { Clock } from '../base/clock.ts';
import type { Pool } from '../db/pool.ts';
import { historyStore } from './history-store.ts';
import { oauthStatesStore } from './states-store.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Days for which routine refreshes stay in the history. Every other entry stays forever. */
const ROUTINE_HISTORY_DAYS = 3;
/** Rows per statement, so that no lock is held for long. */
const PAGE = 5_000;

/** @param stopping true when the worker is about to stop. */
export async function pruneHistory(pool: Pool, clock: Clock, stopping: () => boolean): Promise<void> {
  const before = new Date(clock.now() - ROUTINE_HISTORY_DAYS * DAY_MS);
  while (!stopping() && (await historyStore.prune(pool, before, PAGE)) === PAGE);
}

/** Deletes states a day after they expired: until then a second use is reported as such. */
export async function pruneStates(pool: Pool, clock: Clock, stopping: () => boolean): Promise<void> {
  const before = new Date(clock.now() - DAY_MS);
  while (!stopping() && (await oauthStatesStore.prune(pool, before, PAGE)) === PAGE);
}
