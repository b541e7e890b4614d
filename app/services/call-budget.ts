import { type BudgetLimit, callBudgetsStore } from '../db/call-budgets-store.ts';
import type { Pool } from '../db/pool.ts';
import type { CallBudget, CallLane, CallPriority } from '../hubspot/budget.ts';
import type { Logger } from '../logger.ts';

/**
 * How far ahead calls are reserved. Short for background calls, so that none stands long in an interactive one's way.
 * Shorter than any window that counts from the answer: `reserve_calls` relies on that.
 */
const AHEAD_MS = { interactive: 1_000, background: 150 } as const;
const MOST_AT_ONCE = { interactive: 20, background: 4 } as const;

const NOTHING = () => {};

interface Waiting {
  start(at?: number): void;
}

interface Dependencies {
  pool: Pool;
  /** Calls per window; 0 calls: no limit. */
  limits: Readonly<Record<CallLane, BudgetLimit>>;
  logger: Logger;
}

/**
 * Spends each portal's HubSpot rate limit over all processes: start times are reserved in Postgres for a rolling
 * window, which is how HubSpot counts. A queue per portal and lane asks for those that wait in this process.
 */
export function createCallBudget({ pool, limits, logger }: Dependencies): CallBudget {
  for (const [lane, { windowMs, untilAnswered }] of Object.entries(limits)) {
    if (untilAnswered && windowMs <= AHEAD_MS.interactive) {
      throw new RangeError(`The window of ${lane} calls must be longer than they are reserved ahead.`);
    }
  }
  /** Limits that HubSpot named and that differ from the settings. */
  const known = new Map<string, number>();
  const queues = new Map<string, ReturnType<typeof createQueue>>();

  return {
    take(portalId, lane, priority) {
      if (limits[lane].calls === 0) return Promise.resolve(NOTHING);
      const key = `${portalId}:${lane}`;
      let queue = queues.get(key);
      if (!queue) {
        queue = createQueue(portalId, lane, () => queues.delete(key));
        queues.set(key, queue);
      }
      return queue.take(priority);
    },

    observe(portalId, lane, limit) {
      const set = limits[lane].calls;
      const key = `${portalId}:${lane}`;
      if (set === 0 || limit < 1 || (known.get(key) ?? set) === limit || (limit >= set && !known.has(key)))
        return;
      known.set(key, limit);
      callBudgetsStore.learn(pool, portalId, lane, limit).catch((err) => {
        known.delete(key);
        logger.warn({ err, portalId }, 'the portal’s limit could not be noted');
      });
    },

    hold: (portalId, lane, waitMs) => callBudgetsStore.hold(pool, portalId, lane, waitMs),
  };

  function createQueue(portalId: number, lane: CallLane, onEmpty: () => void) {
    const waiting: Record<CallPriority, Waiting[]> = { interactive: [], background: [] };
    const waitingCalls = () => waiting.interactive.length + waiting.background.length;
    /** Starts that were granted and lie ahead: so many of those that wait need no other. */
    let granted = 0;
    let asking = false;
    let wake: (() => void) | undefined;

    return {
      take(priority: CallPriority): Promise<() => void> {
        return new Promise((resolve) => {
          waiting[priority].push({ start: (at) => resolve(() => answered(at)) });
          // One that waits for the background's turn is woken for a person's call.
          if (priority === 'interactive') wake?.();
          if (!asking) serve();
        });
      },
    };

    async function serve() {
      asking = true;
      for (;;) {
        // A granted start goes to a person's call first, whoever it was granted for.
        const people = waiting.interactive.length - granted;
        const priority = people > 0 ? 'interactive' : 'background';
        const count = Math.min(people > 0 ? people : waitingCalls() - granted, MOST_AT_ONCE[priority]);
        if (count <= 0) break;
        const background = priority === 'background';
        const pause = await callBudgetsStore
          .reserve(pool, portalId, lane, count, limits[lane], background, AHEAD_MS[priority])
          .then(({ starts, now, retryAt }) => {
            for (const at of starts) begin(at - now, at);
            // Until what was reserved has begun, so that the next to be asked for are those that wait then.
            return (retryAt ?? starts.at(-1) ?? now) - now;
          })
          .catch((err) => {
            // Without the database the token could not be had either; the limit is HubSpot's to enforce then.
            logger.warn({ err, portalId }, 'the call budget cannot be reached; calls go on without it');
            for (let call = 0; call < count; call += 1) begin(0);
            return 0;
          });
        if (pause > 0) await sleep(pause);
      }
      asking = false;
      endIfEmpty();
    }

    /** Starts the call that has waited longest at that time, a person's before others. */
    function begin(delayMs: number, at?: number) {
      granted += 1;
      const next = () => {
        granted -= 1;
        (waiting.interactive.shift() ?? waiting.background.shift())?.start(at);
        endIfEmpty();
      };
      if (delayMs > 0) setTimeout(next, delayMs);
      else next();
    }

    function endIfEmpty() {
      if (!asking && granted === 0 && waitingCalls() === 0) onEmpty();
    }

    /** Not waited for: until it is noted, the call occupies its place, as it would unanswered. */
    function answered(at: number | undefined) {
      if (at === undefined || !limits[lane].untilAnswered) return;
      callBudgetsStore.answered(pool, portalId, lane, at).catch((err) => {
        logger.warn(
          { err, portalId },
          'the end of a call could not be noted; its place is free in five seconds',
        );
      });
    }

    function sleep(ms: number): Promise<void> {
      return new Promise((resolve) => {
        const timer = setTimeout(done, ms);
        function done() {
          clearTimeout(timer);
          wake = undefined;
          resolve();
        }
        wake = done;
      });
    }
  }
}
