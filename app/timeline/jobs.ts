import { createHash } from 'node:crypto';
import type { Db } from '../db/pool.ts';
import { cancelJob, enqueue, enqueueAll, withoutJob } from '../queue/enqueue.ts';
import { queueJob } from '../queue/job.ts';
import type { TimelineEventKey } from './store.ts';

/**
 * The queue's maximum, because only HubSpot's answer ends an event. The queue backs off e^attempt seconds, six hours at
 * most.
 */
const MAX_ATTEMPTS = 32_767;

/** A digest, because the queue limits the length of keys, and names and ids may contain any separator. */
export function jobKeyOf({ portalId, eventType, id }: TimelineEventKey): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([eventType, id]))
    .digest('base64url');
  return `timeline:${portalId}:${digest}`;
}

export const timelineJobs = {
  /** Earlier releases named no event type. */
  send: queueJob<{ portalId: number; eventType?: string; id: string }>('send-timeline-event'),
  sendForgotten: queueJob('send-forgotten-timeline-events'),
};

/** How many events all workers together send at the same time. The events of one portal share a queue. */
export const TIMELINE_QUEUES = 16;
/** Lower than the priority of webhooks and token refreshes: a portal's backlog may be long. */
const PRIORITY = 10;

/** While HubSpot does not answer for a portal, its events block no more than their own queue. */
const jobOf = (key: TimelineEventKey) => ({
  payload: { ...key },
  jobKey: jobKeyOf(key),
  maxAttempts: MAX_ATTEMPTS,
  queue: `timeline:${key.portalId % TIMELINE_QUEUES}`,
  priority: PRIORITY,
});

/** Replaces the event's job, if it has one. */
export function sendLater(db: Db, key: TimelineEventKey, seconds: number): Promise<void> {
  const { payload, ...options } = jobOf(key);
  const runAt = new Date(Date.now() + seconds * 1000);
  return enqueue(db, timelineJobs.send, payload, { ...options, runAt });
}

export async function sendNow(db: Db, keys: readonly TimelineEventKey[]): Promise<void> {
  // Sorted, so that two statements that lock the same jobs cannot deadlock.
  const jobs = keys.map(jobOf).sort((a, b) => (a.jobKey < b.jobKey ? -1 : 1));
  if (jobs.length > 0) await enqueueAll(db, timelineJobs.send, jobs);
}

export const dropJob = (db: Db, key: TimelineEventKey): Promise<void> => cancelJob(db, jobKeyOf(key));

/** Those of the events that have no job. */
export async function eventsWithoutJob(
  db: Db,
  keys: readonly TimelineEventKey[],
): Promise<TimelineEventKey[]> {
  const jobless = new Set(await withoutJob(db, keys.map(jobKeyOf)));
  return keys.filter((key) => jobless.has(jobKeyOf(key)));
}
