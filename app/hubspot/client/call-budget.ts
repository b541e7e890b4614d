import type { Logger } from '../../base/logger.ts';
import type { Pool } from '../../db/pool.ts';
import { type CallBudget, CallBudgetSpent, type CallLane, type CallPriority } from './budget.ts';
import { type BudgetLimit, callBudgetsStore } from './call-budgets-store.ts';

/**
 * How far ahead calls are reserved. Short for background calls, so that they do not delay interactive ones. Must be
 * shorter than any window that counts from the answer: `reserve_calls` relies on that.
 */
const AHEAD_MS = { interactive: 1_000, background: 150 } as const;
const MOST_AT_ONCE = { interactive: 20, background: 4 } as const;

const NOTHING = () => {};

interface Waiting {
  /** By `performance.now()`. */
  readonly startsBy: number;
  start(at?: number): void;
  reject(waitMs?: number): void;
}

interface Dependencies {
  pool: Pool;
  /** Calls per window; 0 calls: no limit. */
  limits: Readonly<Record<CallLane, BudgetLimit>>;
  logger: Logger;
}

/**
 * Shares each portal's rate limit between all processes: start times are reserved in PostgreSQL for a rolling window,
 * as HubSpot counts. A queue per portal and lane reserves for the calls that wait in this process.
 */
export function createCallBudget({
  pool,
  limits,
  logger,
}: Dependencies): CallBudget & { settled(): Promise<void> } {
  for (const [lane, { windowMs, untilAnswered }] of Object.entries(limits)) {
    if (untilAnswered && windowMs <= AHEAD_MS.interactive) {
      throw new RangeError(`The window of ${lane} calls must be longer than they are reserved ahead.`);
    }
  }
  /** Limits from HubSpot's headers that are lower than the settings, as stored for all processes. */
  const known = new Map<string, number>();
  /** When each queue last yielded to others; at the limit every response reports a full window. */
  const yielded = new Map<string, number>();
  const notes = new Set<Promise<void>>();
  const queues = new Map<string, ReturnType<typeof createQueue>>();

  return {
    take(portalId, lane, priority, withinMs) {
      if (limits[lane].calls === 0) return Promise.resolve(NOTHING);
      const key = keyOf(portalId, lane);
      let queue = queues.get(key);
      if (!queue) {
        queue = createQueue(portalId, lane, () => queues.delete(key));
        queues.set(key, queue);
      }
      return queue.take(priority, withinMs);
    },

    observe(portalId, lane, { limit, remaining, intervalMs }) {
      const { calls, windowMs } = limits[lane];
      if (calls === 0 || limit < 1) return;
      const key = keyOf(portalId, lane);
      // Scaled down when HubSpot's window is longer than ours.
      const ofWindow = Math.max(1, Math.floor(limit * Math.min(1, windowMs / (intervalMs ?? windowMs))));
      const told = ofWindow < calls ? ofWindow : null;
      if (told !== (known.get(key) ?? null)) {
        noteKnown(portalId, lane, told);
        note(callBudgetsStore.learn(pool, portalId, lane, told), (err) => {
          logger.warn({ err, portalId }, 'the portal’s limit could not be noted');
        });
      }
      const waitMs = (intervalMs ?? windowMs) / 10;
      if (remaining === 0 && performance.now() >= (yielded.get(key) ?? -waitMs) + waitMs) {
        yielded.set(key, performance.now());
        note(callBudgetsStore.yieldToOthers(pool, portalId, lane, limits[lane], waitMs), (err) => {
          logger.warn({ err, portalId }, 'the portal’s full window could not be noted');
        });
      }
    },

    hold(portalId, lane, waitMs) {
      if (limits[lane].calls === 0) return;
      note(callBudgetsStore.hold(pool, portalId, lane, Math.ceil(waitMs)), (err) => {
        logger.warn({ err, portalId }, 'HubSpot’s limit could not be noted; other calls may meet it');
      });
    },

    /** Resolves when all writes are done. */
    async settled() {
      await Promise.all(notes);
    },
  };

  /** Calls do not wait for these writes, but `settled` does. */
  function note(written: Promise<void>, onFailure: (err: unknown) => void) {
    const done = written.catch(onFailure).finally(() => notes.delete(done));
    notes.add(done);
  }

  function noteKnown(portalId: number, lane: CallLane, limit: number | null) {
    if (limit === null) known.delete(keyOf(portalId, lane));
    else known.set(keyOf(portalId, lane), limit);
  }

  function createQueue(portalId: number, lane: CallLane, onEmpty: () => void) {
    const waiting: Record<CallPriority, Waiting[]> = { interactive: [], background: [] };
    const waitingCalls = () => waiting.interactive.length + waiting.background.length;
    /** Reserved starts in the future. As many waiting calls need no reservation. */
    let granted = 0;
    let asking = false;
    let wake: (() => void) | undefined;
    /** Until then only interactive calls are served; by `performance.now()`. */
    let asleepUntil = 0;

    return {
      take(priority: CallPriority, withinMs: number): Promise<() => void> {
        return new Promise((resolve, reject) => {
          const startsBy = performance.now() + withinMs;
          if (priority === 'background' && startsBy < asleepUntil) {
            return reject(new CallBudgetSpent(asleepUntil - performance.now()));
          }
          const call: Waiting = {
            startsBy,
            start(at) {
              clearTimeout(timer);
              resolve(() => answered(at));
            },
            reject(waitMs) {
              clearTimeout(timer);
              waiting[priority].splice(waiting[priority].indexOf(call), 1);
              reject(new CallBudgetSpent(waitMs));
              if (waitingCalls() === 0) wake?.();
            },
          };
          const timer = setTimeout(() => call.reject(), withinMs);
          waiting[priority].push(call);
          // An interactive call interrupts the sleep between background calls.
          if (priority === 'interactive') wake?.();
          if (!asking) void serve();
        });
      },
    };

    async function serve() {
      asking = true;
      for (;;) {
        // Interactive calls use reserved starts first, whatever they were reserved for.
        const people = waiting.interactive.length - granted;
        const priority = people > 0 ? 'interactive' : 'background';
        const count = Math.min(people > 0 ? people : waitingCalls() - granted, MOST_AT_ONCE[priority]);
        if (count <= 0) break;
        const background = priority === 'background';
        const pause = await callBudgetsStore
          .reserve(pool, portalId, lane, count, limits[lane], background, AHEAD_MS[priority])
          .then(({ starts, now, retryAt, knownLimit }) => {
            noteKnown(portalId, lane, knownLimit);
            for (const at of starts) begin(at - now, at);
            if (retryAt !== null && rejectLate(retryAt - now) === 0) return 0;
            // Sleep until the reserved calls have started. The next reservation is for the calls that wait then.
            return (retryAt ?? starts.at(-1) ?? now) - now;
          })
          .catch((err) => {
            // Fail open: HubSpot still enforces the limit.
            logger.warn({ err, portalId }, 'the call budget cannot be reached; calls go on without it');
            for (let call = 0; call < count; call += 1) begin(0);
            return 0;
          });
        if (pause > 0) await sleep(pause);
      }
      asking = false;
      endIfEmpty();
    }

    /** Starts the call that has waited longest by then, interactive ones first. */
    function begin(delayMs: number, at?: number) {
      granted += 1;
      const next = () => {
        granted -= 1;
        const call = waiting.interactive.shift() ?? waiting.background.shift();
        if (call) call.start(at);
        else answered(at);
        endIfEmpty();
      };
      if (delayMs > 0) setTimeout(next, delayMs);
      else next();
    }

    /**
     * Rejects the calls whose deadline is before the next reservation.
     * @returns how many calls still wait.
     */
    function rejectLate(waitMs: number): number {
      const until = performance.now() + waitMs;
      const behind = [...waiting.interactive, ...waiting.background].slice(granted);
      const late = behind.filter(({ startsBy }) => startsBy < until);
      for (const call of late) call.reject(waitMs);
      return behind.length - late.length;
    }

    function endIfEmpty() {
      if (!asking && granted === 0 && waitingCalls() === 0) onEmpty();
    }

    /** Not awaited: until it is stored, the call keeps its place in the window, like an unanswered one. */
    function answered(at: number | undefined) {
      if (at === undefined || !limits[lane].untilAnswered) return;
      note(callBudgetsStore.answered(pool, portalId, lane, at), (err) => {
        logger.warn(
          { err, portalId },
          'the end of a call could not be noted; its place is free in five seconds',
        );
      });
    }

    function sleep(ms: number): Promise<void> {
      return new Promise((resolve) => {
        const timer = setTimeout(done, ms);
        asleepUntil = performance.now() + ms;
        function done() {
          clearTimeout(timer);
          wake = undefined;
          asleepUntil = 0;
          resolve();
        }
        wake = done;
      });
    }
  }
}

const keyOf = (portalId: number, lane: CallLane) => `${portalId}:${lane}`;
