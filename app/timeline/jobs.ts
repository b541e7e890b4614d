import { createHash } from 'node:crypto';
import type { Db, Pool } from '../db/pool.ts';
import type { InstallService } from '../installs/index.ts';
import { cancelJob, enqueue, enqueueAll, withoutJob } from '../queue/enqueue.ts';
import { type TimelineEventKey, timelineEventsStore } from './store.ts';

/**
 * The queue's most, as only HubSpot's answer ends an event. The queue waits e^attempt seconds between two, six hours
 * at the most.
 */
const MAX_ATTEMPTS = 32_767;

/** A digest, because the queue's keys are bounded and names and ids may hold any separator. */
export function jobKeyOf({ portalId, eventType, id }: TimelineEventKey): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([eventType, id]))
    .digest('base64url');
  return `timeline:${portalId}:${digest}`;
}

/** So many events are sent again at once, over all workers, those of one portal one after another. */
export const TIMELINE_QUEUES = 16;
/** Webhooks and tokens do not wait behind a portal's backlog, which may be long. */
const AFTER_OTHERS = 10;

/** When HubSpot does not answer for a portal, its events hold up no more than their queue. */
const jobOf = (key: TimelineEventKey) => ({
  payload: { ...key },
  jobKey: jobKeyOf(key),
  maxAttempts: MAX_ATTEMPTS,
  queue: `timeline:${key.portalId % TIMELINE_QUEUES}`,
  priority: AFTER_OTHERS,
});

/** Replaces the event's job, if it has one. */
export function sendLater(db: Db, key: TimelineEventKey, seconds: number): Promise<void> {
  const { payload, ...options } = jobOf(key);
  const runAt = new Date(Date.now() + seconds * 1000);
  return enqueue(db, 'send-timeline-event', payload, { ...options, runAt });
}

export async function sendNow(db: Db, keys: readonly TimelineEventKey[]): Promise<void> {
  // In one order everywhere: two statements that lock the same jobs must not wait for each other.
  const jobs = keys.map(jobOf).sort((a, b) => (a.jobKey < b.jobKey ? -1 : 1));
  if (jobs.length > 0) await enqueueAll(db, 'send-timeline-event', jobs);
}

/** The event needs its job no more. */
export const dropJob = (db: Db, key: TimelineEventKey): Promise<void> => cancelJob(db, jobKeyOf(key));

const PAGE = 2_000;

/**
 * Gives a job to each waiting event that has none: those of an install that ended and is back, and whatever lost its
 * job otherwise.
 */
export async function sendForgotten(
  pool: Pool,
  installs: Pick<InstallService, 'connected'>,
  stopping: () => boolean,
): Promise<void> {
  const portalIds = await installs.connected(await timelineEventsStore.waitingPortals(pool));
  let after: TimelineEventKey | undefined;
  do {
    const page = await timelineEventsStore.waitingAfter(pool, portalIds, after, PAGE);
    const forgotten = new Set(await withoutJob(pool, page.map(jobKeyOf)));
    await sendNow(
      pool,
      page.filter((key) => forgotten.has(jobKeyOf(key))),
    );
    after = page.length === PAGE ? page.at(-1) : undefined;
  } while (after && !stopping());
}
