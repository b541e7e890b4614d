import pTimeout from 'p-timeout';
import type { Db } from '../../db/pool.ts';
import { enqueue, enqueueAll } from '../../queue/enqueue.ts';
import { webhookJobs } from '../jobs.ts';

/** Enough to use several worker processes; only one of them runs a lane at a time. */
export const LANES = 16;

/** How long an empty lane waits for a round of splitting before it looks for events of other processes' rounds. */
const LINGER_MS = 250;

/** The lane of a record is always the same, so that its events never run concurrently. */
export function laneOf(record: string): number {
  // FNV-1a
  let hash = 2_166_136_261;
  for (let at = 0; at < record.length; at += 1) hash = Math.imul(hash ^ record.charCodeAt(at), 16_777_619);
  return (hash >>> 0) % LANES;
}

/**
 * Enqueues the splitting of stored deliveries; one job splits all of them. Only one worker splits at a time: two would
 * store later deliveries before earlier ones.
 */
export async function wakeSplitter(db: Db): Promise<void> {
  await enqueue(db, webhookJobs.split, {}, { jobKey: webhookJobs.split.name, queue: webhookJobs.split.name });
}

/** Enqueues a second splitter beside one that is stuck. It skips the deliveries that the first one has locked. */
export async function wakeSecondSplitter(db: Db): Promise<void> {
  await enqueue(db, webhookJobs.split, {}, { jobKey: `${webhookJobs.split.name}:second` });
}

/** Enqueues the runs of lanes, sorted, so that two transactions that wake the same lanes cannot deadlock. */
export async function wakeLanes(tx: Db, lanes: Iterable<number>, runAt?: Date): Promise<void> {
  const jobs = [...new Set(lanes)]
    .sort((a, b) => a - b)
    .map((lane) => {
      const queue = `webhook-lane:${lane}`;
      // A separate key: under the same key, a later run would postpone one that is due now.
      return { payload: { lane }, queue, jobKey: runAt ? `${queue}:later` : queue, runAt };
    });
  await enqueueAll(tx, webhookJobs.runLane, jobs);
}

export type LanesAtWork = ReturnType<typeof createLanesAtWork>;

/**
 * The lanes that run in this process. They do not end during a round of splitting in this process, so the round need not
 * wake them: under load most lanes run from round to round without a new job.
 */
export function createLanesAtWork() {
  const lanes = new Set<number>();
  const rounds = new Set<Promise<unknown>>();
  let ended = 0;

  return {
    /** Runs a round; running lanes look for its events after its commit. */
    async split<Result>(round: () => Promise<Result>): Promise<Result> {
      const running = round();
      rounds.add(running);
      try {
        return await running;
      } finally {
        rounds.delete(running);
        ended += 1;
      }
    },

    /** Whether a lane will look for events again after the running rounds. */
    has: (lane: number) => lanes.has(lane),

    begin(lane: number): void {
      lanes.add(lane);
    },

    /** Read it before a lane looks for events. */
    roundsEnded: () => ended,

    /**
     * Ends a lane that found no events.
     * @param endedBefore `roundsEnded()` before it looked.
     * @returns false when it has to look again, because a round is running or has ended meanwhile.
     */
    async end(lane: number, endedBefore: number): Promise<boolean> {
      if (ended !== endedBefore) return false;
      if (rounds.size === 0) {
        lanes.delete(lane);
        return true;
      }
      await pTimeout(Promise.race(rounds), { milliseconds: LINGER_MS, message: false }).catch(() => {});
      return false;
    },

    /** Ends a lane with events left or after an error; the caller has to wake it again. */
    stop(lane: number): void {
      lanes.delete(lane);
    },
  };
}
