import pTimeout from 'p-timeout';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { createGroupCommit } from '../../db/group-commit.ts';
import type { Pool } from '../../db/pool.ts';
import { HandlerFailure, type WebhookDispatcher } from '../dispatcher.ts';
import { PRIVACY_DELETION, type WebhookEvent } from '../event/event.ts';
import { InvalidEvent } from '../event/handler-event.ts';
import { type PendingEvent, webhookEventsStore } from '../events-store.ts';
import { HandlerLoop } from '../own-writes/loops.ts';
import type { WebhookBacklog } from './backlog.ts';
import { EventNotDue } from './event-transaction.ts';
import { type LanesAtWork, wakeLanes } from './lanes.ts';
import { type RetryPlan, retryPlan } from './retry.ts';

const RECORDS_AT_ONCE = 8;
/** Events that were read longer ago are read again, so that late events keep their order and imports their priority. */
const FRESH_MS = 250;
/**
 * How many events are read at once: as many as are likely to be handled while they are fresh. Lanes begin with the
 * fewest, because events may be large.
 */
const FEWEST = 16;
const MOST = 1_000;
/** After this, a lane with more events yields to other lanes and other processes. */
const LONGEST_TURN_MS = 5_000;
/** How long the end of a turn waits for running handlers; after that the lane goes on with other records. */
const HAND_OVER_MS = 1_000;

interface Dependencies {
  pool: Pool;
  dispatcher: WebhookDispatcher;
  backlog: WebhookBacklog;
  lanesAtWork: LanesAtWork;
  clock: Clock;
  logger: Logger;
}

interface Failure {
  readonly plan: RetryPlan;
  readonly text: string;
}

/** Handles the events of a lane: those of one record in order, those of different records concurrently. */
export function createWebhookLaneRunner(dependencies: Dependencies) {
  const { pool, dispatcher, backlog, lanesAtWork, clock, logger } = dependencies;
  const marks = createGroupCommit<string>((ids) => webhookEventsStore.done(pool, ids), 1_000);

  return {
    /** Runs the lane until it is empty, its turn is over or `stopping` returns true. No handler is running afterwards. */
    async run(lane: number, stopping: () => boolean): Promise<void> {
      const records = createRecords(stopping);
      let empty = false;
      let limit = FEWEST;
      lanesAtWork.begin(lane);
      try {
        await backlog.whenSplit(stopping);
        let turnEnds = performance.now() + LONGEST_TURN_MS;
        while (!empty && !records.failed() && !stopping()) {
          if (performance.now() > turnEnds) {
            if (await records.ended(HAND_OVER_MS)) break;
            turnEnds = performance.now() + LONGEST_TURN_MS;
          }
          await backlog.whenShort(stopping);
          const inProgress = records.inProgress();
          await records.marked();
          const roundsEnded = lanesAtWork.roundsEnded();
          const pending = await webhookEventsStore.pending(pool, lane, limit, inProgress);
          if (pending.length > 0 && records.hasRoom()) {
            const handled = await records.work(pending);
            limit = Math.min(Math.max(2 * handled, FEWEST), MOST);
          } else if (inProgress.length > 0) await records.oneEnded(inProgress, FRESH_MS);
          else empty = await lanesAtWork.end(lane, roundsEnded);
        }
      } finally {
        lanesAtWork.stop(lane);
        await records.ended();
      }
      await records.marked();
      if (!empty) return wakeLanes(pool, [lane]);
      const retryAt = await webhookEventsStore.nextRetry(pool, lane);
      if (retryAt) await wakeLanes(pool, [lane], retryAt);
    },
  };

  /** The records of a lane whose events are being handled. */
  function createRecords(stopping: () => boolean) {
    const running = new Map<string, Promise<void>>();
    /** Records that wait for a handler that timed out. They do not count towards the limit. */
    const blocked = new Map<string, Promise<void>>();
    const all = () => [...running.values(), ...blocked.values()];
    let unmarked: Promise<void>[] = [];
    let handled = 0;
    let failure: { error: unknown } | undefined;
    const fail = (error: unknown) => {
      failure ??= { error };
    };

    return {
      failed: () => failure !== undefined,
      inProgress: () => [...running.keys(), ...blocked.keys()],
      hasRoom: () => running.size < RECORDS_AT_ONCE,

      /** Resolves when it is time to read events again. @returns how many were handled. */
      async work(pending: readonly PendingEvent[]): Promise<number> {
        const handledBefore = handled;
        const readAt = performance.now();
        const isFresh = () => !failure && !stopping() && performance.now() - readAt < FRESH_MS;
        const records = Map.groupBy(pending, ({ record }) => record).entries();
        const next = async () => {
          for (const [record, events] of records) {
            if (dispatcher.isBusy(record)) {
              block(record);
              continue;
            }
            const run = runRecord(events, isFresh).catch(fail);
            running.set(record, run);
            await run;
            running.delete(record);
            if (!isFresh()) return;
          }
        };
        await Promise.race(Array.from({ length: RECORDS_AT_ONCE - running.size }, next));
        return handled - handledBefore;
      },

      /** Resolves when the handled events are marked as done. */
      async marked(): Promise<void> {
        const waiting = unmarked;
        unmarked = [];
        await Promise.all(waiting);
        if (failure) throw failure.error;
      },

      /** Resolves when one of the records has ended, or after `ms`. */
      async oneEnded(inProgress: readonly string[], ms: number): Promise<void> {
        if (inProgress.every((record) => running.has(record) || blocked.has(record)))
          await pTimeout(Promise.race(all()), { milliseconds: ms, message: false });
      },

      /** @param ms the longest wait. @returns whether no handler is running. */
      async ended(ms?: number): Promise<boolean> {
        const ended = Promise.all(all());
        await (ms === undefined ? ended : pTimeout(ended, { milliseconds: ms, message: false }));
        return all().length === 0;
      },
    };

    function block(record: string) {
      const free = dispatcher.whenFree(record, stopping).finally(() => blocked.delete(record));
      blocked.set(record, free);
    }

    async function runRecord(events: readonly PendingEvent[], isFresh: () => boolean): Promise<void> {
      const before: Promise<void>[] = [];
      for (const event of events) {
        if (!isFresh()) return;
        const outcome = await runEvent(event, () => Promise.all(before));
        handled += 1;
        if (outcome === 'stop_record') return;
        if (outcome === 'to_mark') {
          // The next event of a record does not wait for the mark: after a crash both run again, in order.
          const mark = marks.add(event.id);
          mark.catch(fail);
          before.push(mark);
          unmarked.push(mark);
        }
        // A privacy deletion may have erased the record's other events.
        if (event.event.subscriptionType === PRIVACY_DELETION) return;
      }
    }
  }

  async function runEvent(
    pending: PendingEvent,
    before: () => Promise<unknown>,
  ): Promise<'marked' | 'to_mark' | 'stop_record'> {
    try {
      return (await dispatcher.handle(pending, before)) ? 'marked' : 'to_mark';
    } catch (err) {
      if (err instanceof EventNotDue) {
        await webhookEventsStore.promote(pool, [pending.record]);
        return 'stop_record';
      }
      const { plan, text } = readFailure(pending, err);
      await webhookEventsStore.failed(pool, pending.id, text, plan);
      return plan.runAt ? 'stop_record' : 'marked';
    }
  }

  /** Handlers may throw any value. An error while reading it must not fail the lane. */
  function readFailure(pending: PendingEvent, error: unknown): Failure {
    const failed = error instanceof HandlerFailure ? error : undefined;
    const thrown = failed ? failed.thrown : error;
    try {
      return reportFailure(pending, asError(thrown, failed?.handler), failed?.handler);
    } catch {
      const unreadable = new Error(`${named(failed?.handler)} failed with an error that cannot be recorded.`);
      return reportFailure(pending, unreadable, failed?.handler);
    }
  }

  function reportFailure(pending: PendingEvent, err: unknown, handler: string | undefined): Failure {
    const { subscriptionType, portalId } = pending.event;
    const text = textOf(err, pending.event);
    const attempt = pending.attempts + 1;
    const plan = retryPlan(err, { attempt, outages: pending.outages }, clock.now());
    const { runAt } = plan;
    const about = { handler, subscriptionType, eventId: pending.id, portalId, attempt, err };
    if (err instanceof InvalidEvent) logger.error(about, 'an event is invalid; it is now a dead letter');
    else if (err instanceof HandlerLoop) logger.error(about, 'an event of a loop is now a dead letter');
    else if (runAt)
      logger.warn({ ...about, retryAt: runAt }, 'a webhook handler failed; the event will be retried');
    else logger.error(about, 'a webhook handler failed; the event is now a dead letter');
    return { plan, text };
  }
}

const named = (handler: string | undefined) => (handler ? `The handler ${handler}` : 'The handler');

const asError = (thrown: unknown, handler: string | undefined): unknown =>
  thrown instanceof Error ? thrown : new Error(`${named(handler)} threw what is not an Error: ${thrown}`);

/** The error that is stored with the event. For a privacy deletion without its message, which may name the person. */
function textOf(error: unknown, { subscriptionType }: WebhookEvent): string {
  if (subscriptionType !== PRIVACY_DELETION) return reasonOf(error);
  if (!(error instanceof Error)) return 'Error';
  return 'code' in error ? `${error.name} ${error.code}` : error.name;
}
