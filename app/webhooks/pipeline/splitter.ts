import type { Logger } from '../../base/logger.ts';
import { isDataException } from '../../db/errors.ts';
import type { Pool } from '../../db/pool.ts';
import { inTransaction } from '../../db/transaction.ts';
import type { Portion } from '../deliveries-store.ts';
import { type LanesAtWork, wakeLanes, wakeSplitter } from './lanes.ts';
import { NOTHING, type Observer, type Round, type SplitPortion } from './portion.ts';

/** The portion of a round ends at whichever comes first. They limit memory and the length of the transaction. */
const MOST_DELIVERIES = 2_000;
const MOST_EVENTS = 2_000;
const MOST_BYTES = 4 * 1024 * 1024;
/** Large deliveries have a hundred events each; the limit grows when they turn out to be small. */
const FIRST_DELIVERIES = MOST_EVENTS / 100;

interface Dependencies {
  pool: Pool;
  splitPortion: SplitPortion;
  lanesAtWork: LanesAtWork;
  logger: Logger;
}

/** Splits stored deliveries into events and wakes their lanes. */
export function createWebhookSplitter({ pool, splitPortion, lanesAtWork, logger }: Dependencies) {
  let running: Promise<void> | undefined;
  let again = false;

  return {
    /** Splits until nothing waits, or `stopping` returns true. */
    splitWaiting(stopping: () => boolean): Promise<void> {
      // Two splitters in one process would store later deliveries before earlier ones. The queue's lock does not
      // prevent that: a worker that was taken for dead loses it.
      if (running) again = true;
      running ??= splitAll(stopping).finally(() => {
        running = undefined;
      });
      return running;
    },
  };

  async function splitAll(stopping: () => boolean): Promise<void> {
    do {
      again = false;
      await splitInRounds(stopping);
    } while (again && !stopping());
    if (again) await wakeSplitter(pool);
  }

  /** Reads and parses a round while the previous one is being stored; the rounds are stored in order. */
  async function splitInRounds(stopping: () => boolean): Promise<void> {
    let portion: Portion = { limit: FIRST_DELIVERIES, bytes: MOST_BYTES, except: NOTHING.ids };
    let before: Promise<Round> = Promise.resolve({ ...NOTHING, more: true });
    for (;;) {
      const { taken, storing, stored } = beginRound(portion, before);
      const [size] = await Promise.allSettled([taken, before]);
      // No round may still be running when this function throws, or the next run would overtake it.
      if (size.status === 'rejected') throw await failureOf([before, stored]);
      const { deliveries, ids, events, more } = size.value;
      await before.catch(async () => {
        throw await failureOf([before, stored]);
      });
      before = stored;
      if (!more && !(await stored).more) return;
      if (stopping()) {
        await stored;
        return wakeSplitter(pool);
      }
      const eventsEach = Math.max(1, events / Math.max(1, deliveries));
      const limit = Math.max(1, Math.min(MOST_DELIVERIES, Math.floor(MOST_EVENTS / eventsEach)));
      portion = { ...portion, limit, except: ids };
      // Parsing the next round earlier would block this process between the small queries of this one.
      await storing;
    }
  }

  /**
   * @returns `taken`, the size of the portion; `storing`, resolved when the database stores the events, which begins
   * after the round `before`; `stored`, resolved after the commit.
   */
  function beginRound(portion: Portion, before: Promise<unknown>) {
    const { promise: taken, resolve, reject } = Promise.withResolvers<Round>();
    const { promise: storing, resolve: isStoring } = Promise.withResolvers<void>();
    const observer = {
      async taken(size: Round) {
        resolve(size);
        await before;
      },
      storing: isStoring,
    };
    const stored = lanesAtWork.split(async () => {
      const round = await splitOrSetAside(portion, observer);
      report(round);
      // A lane may have stopped before the commit, and its next run may have found nothing.
      await wakeLanes(
        pool,
        round.alreadyRunning.filter((lane) => !lanesAtWork.has(lane)),
      );
      return round;
    });
    stored.catch(reject).finally(isStoring);
    return { taken, storing, stored };
  }

  /** When the database cannot store a value, finds its delivery and sets it aside, so that it does not block the others. */
  async function splitOrSetAside(portion: Portion, observer: Observer): Promise<Round> {
    try {
      return await inTransaction(pool, (tx) => splitPortion.split(tx, portion, observer));
    } catch (error) {
      if (!isDataException(error)) throw error;
      if (portion.limit > 1) return splitOneByOne(portion, observer);
      return inTransaction(pool, (tx) => splitPortion.setAside(tx, portion, error));
    }
  }

  /** Splits the whole portion, because the next round, which has the deliveries after it, waits for this one. */
  async function splitOneByOne(portion: Portion, observer: Observer): Promise<Round> {
    let sum: Round = { ...NOTHING, more: true };
    while (sum.more && sum.deliveries < portion.limit) {
      const one = await splitOrSetAside({ ...portion, limit: 1 }, observer);
      sum = {
        ...sum,
        deliveries: sum.deliveries + one.deliveries,
        received: sum.received + one.received,
        events: sum.events + one.events,
        added: sum.added + one.added,
        withHandler: sum.withHandler + one.withHandler,
        more: one.more,
        alreadyRunning: [...sum.alreadyRunning, ...one.alreadyRunning],
      };
    }
    return sum;
  }

  /** One line for a round, which under load has thousands of events: the request log leaves deliveries out. */
  function report({ deliveries, received, added, withHandler }: Round): void {
    if (deliveries === 0) return;
    logger.info(
      { deliveries, events: received, duplicates: received - added, withHandler },
      'webhook deliveries were stored',
    );
  }
}

/** The first failure of these rounds, after all have ended. */
async function failureOf(rounds: readonly Promise<unknown>[]): Promise<unknown> {
  const ended = await Promise.allSettled(rounds);
  return ended.find((round) => round.status === 'rejected')?.reason;
}
