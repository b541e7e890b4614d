import type { Pool } from '../db/pool.ts';
import { eventsWithoutJob, sendNow } from './jobs.ts';
import { type TimelineEventKey, timelineEventsStore } from './store.ts';

const PAGE = 2_000;
const PRUNED_AT_ONCE = 1_000;

/** Which of these portals have a connected install. */
export type ConnectedAmong = (portalIds: readonly number[]) => Promise<number[]>;

/**
 * Gives a job to each waiting event without one: the events of an install that ended and came back, and those whose job
 * was lost.
 */
export async function sendForgotten(
  pool: Pool,
  connectedAmong: ConnectedAmong,
  stopping: () => boolean,
): Promise<void> {
  const portalIds = await connectedAmong(await timelineEventsStore.waitingPortals(pool));
  if (portalIds.length === 0) return;
  let after: TimelineEventKey | undefined;
  do {
    const page = await timelineEventsStore.waitingAfter(pool, portalIds, after, PAGE);
    await sendNow(pool, await eventsWithoutJob(pool, page));
    after = page.length === PAGE ? page.at(-1) : undefined;
  } while (after && !stopping());
}

/** Deletes events that were sent or refused before `before`, page by page, so that no lock is held for long. */
export async function pruneTimeline(pool: Pool, before: Date, stopping: () => boolean): Promise<void> {
  while (!stopping() && (await timelineEventsStore.prune(pool, before, PRUNED_AT_ONCE)) === PRUNED_AT_ONCE);
}
