import pTimeout from 'p-timeout';
import type { Db } from '../../db/pool.ts';
import { enqueue, enqueueAll } from '../../queue/enqueue.ts';

/** Enough for all jobs of some worker processes; each lane is worked by one at a time. */
export const LANES = 16;

/** How long a lane with nothing to do waits for a round of splitting before it looks for work of others. */
const LINGER_MS = 250;

const SPLIT = 'split-webhook-deliveries';

/** The lane of a record: always the same, so that its events never run side by side. */
export function laneOf(record: string): number {
  // FNV-1a
  let hash = 2_166_136_261;
  for (let at = 0; at < record.length; at += 1) hash = Math.imul(hash ^ record.charCodeAt(at), 16_777_619);
  return (hash >>> 0) % LANES;
}

/**
 * Asks for stored deliveries to be split; one job stands for all of them until it begins. One worker splits at a time:
 * two would store later deliveries before earlier ones.
 */
export async function wakeSplitter(db: Db): Promise<void> {
  await enqueue(db, SPLIT, {}, { jobKey: SPLIT, queue: SPLIT });
}

/** Asks for it beside the worker whose turn it is: that one does not get on. What it has taken is passed over. */
export async function wakeSecondSplitter(db: Db): Promise<void> {
  await enqueue(db, SPLIT, {}, { jobKey: `${SPLIT}:second` });
}

/** Asks for lanes to be worked, in ascending order: two transactions that wake the same ones must not deadlock. */
export async function wakeLanes(tx: Db, lanes: Iterable<number>, runAt?: Date): Promise<void> {
  const jobs = [...new Set(lanes)]
    .sort((a, b) => a - b)
    .map((lane) => {
      const queue = `webhook-lane:${lane}`;
      // A key of its own: a later job under the same key would put off what is to be done now.
      return { payload: { lane }, queue, jobKey: runAt ? `${queue}:later` : queue, runAt };
    });
  await enqueueAll(tx, 'run-webhook-lane', jobs);
}

export type LanesAtWork = ReturnType<typeof createLanesAtWork>;

/**
 * The lanes that this process works. They do not end while a round of splitting is under way here, so the round need
 * not wake them: under load most lanes go on from round to round without a job of the queue for each.
 */
export function createLanesAtWork() {
  const working = new Set<number>();
  const rounds = new Set<Promise<unknown>>();
  let ended = 0;

  return {
    /** Splits; what `round` stores for lanes at work is seen by them when it is committed. */
    async split<Result>(round: () => Promise<Result>): Promise<Result> {
      const underWay = round();
      rounds.add(underWay);
      try {
        return await underWay;
      } finally {
        rounds.delete(underWay);
        ended += 1;
      }
    },

    /** Whether a lane will look for work again after the rounds that are under way. */
    has: (lane: number) => working.has(lane),

    begin(lane: number): void {
      working.add(lane);
    },

    /** To be noted before a lane looks for work. */
    roundsEnded: () => ended,

    /**
     * The lane found nothing to do.
     * @param endedBefore the rounds that had ended when it began to look.
     * @returns false when it has to look once more, because a round is under way or ended meanwhile.
     */
    async end(lane: number, endedBefore: number): Promise<boolean> {
      if (ended !== endedBefore) return false;
      if (rounds.size === 0) {
        working.delete(lane);
        return true;
      }
      await pTimeout(Promise.race(rounds), { milliseconds: LINGER_MS, message: false }).catch(() => {});
      return false;
    },

    /** The lane stops with work left or in trouble; who calls has to see that it is worked again. */
    stop(lane: number): void {
      working.delete(lane);
    },
  };
}
