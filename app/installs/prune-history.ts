import type { Pool } from '../db/pool.ts';
import type { InstallsStore } from './store.ts';

const PAGE = 5_000;

/** Days that routine refreshes stay in the install history. Every other change stays for good. */
export const ROUTINE_HISTORY_DAYS = 3;

/** Deletes routine history from before `before`, page by page, so that no lock is held for long. */
export async function pruneInstallHistory(
  pool: Pool,
  installs: InstallsStore,
  before: Date,
  stopping: () => boolean,
): Promise<void> {
  while (!stopping() && (await installs.pruneHistory(pool, before, PAGE)) === PAGE);
}
