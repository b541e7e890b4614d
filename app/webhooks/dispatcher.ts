import pTimeout from 'p-timeout';
import type { Logger } from '../base/logger.ts';
import { withCause } from '../base/trace.ts';
import type { Pool } from '../db/pool.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import type { InstallService, InstallStatus } from '../installs/index.ts';
import type { JobService } from '../jobs/index.ts';
import type { TimelineService } from '../timeline/index.ts';
import { objectTypeOf, otherAppOf, type WebhookEvent } from './event/event.ts';
import {
  type HandlerEvent,
  InvalidEvent,
  isGeneric,
  isKnownType,
  isLifecycle,
  isPropertyChange,
  type ReadEvent,
  readEvent,
} from './event/handler-event.ts';
import type { PendingEvent } from './events-store.ts';
import { type AnyWebhookHandler, type HandlerDb, typesOf, type WebhookContext } from './handler.ts';
import type { WebhookLoops } from './own-writes/loops.ts';
import { saysOwn } from './own-writes/service.ts';
import { createEventTransactions, EventNotDue } from './pipeline/event-transaction.ts';
import { createSteps } from './steps/steps.ts';

const LONGEST_RUN_MS = 2 * 60 * 1000;
/** How long a record waits for a handler that timed out before its next events run beside it. */
const LONGEST_WAIT_MS = 2 * 60 * 1000;
const LOOK_EVERY_MS = 200;

/** What a handler threw, or why its attempt failed, with the handler's name. */
export class HandlerFailure extends Error {
  override readonly name = 'HandlerFailure';
  readonly handler: string;
  readonly thrown: unknown;

  constructor(handler: string, thrown: unknown) {
    super(`The handler ${handler} failed.`);
    this.handler = handler;
    this.thrown = thrown;
  }
}

/** The state in which an event is stored. */
export interface Triage {
  readonly state: 'waiting' | 'ignored' | 'unknown' | 'dead';
  readonly reason?: string;
}

export type WebhookDispatcher = ReturnType<typeof createWebhookDispatcher>;

interface Dependencies {
  pool: Pool;
  /** Not that of the handlers' transactions, which wait for a handler that waits for its step. */
  stepsPool: Pool;
  /** Events of other apps are not handled. */
  appId: number;
  /** They run before the others, in a transaction of their own, so that what they write stays when another one fails. */
  firstHandlers: readonly AnyWebhookHandler[];
  handlers: readonly AnyWebhookHandler[];
  hubspotFor: HubSpotFor;
  timeline: Pick<TimelineService, 'send'>;
  installs: Pick<InstallService, 'status'>;
  loops: WebhookLoops;
  jobs: Pick<JobService, 'enqueueIn'>;
  logger: Logger;
  longestRunMs?: number | undefined;
}

interface Plan {
  readonly stages: readonly (readonly AnyWebhookHandler[])[];
  readonly read: ReadEvent;
}

interface Attempt {
  readonly eventId: string;
  readonly portalId: number;
  readonly attempt: number;
  readonly subscriptionType: string;
}

/** Finds the handlers of an event and runs them. */
export function createWebhookDispatcher(dependencies: Dependencies) {
  const { pool, appId, hubspotFor, timeline, installs, loops, jobs, logger } = dependencies;
  const { longestRunMs = LONGEST_RUN_MS } = dependencies;
  const transactions = createEventTransactions(pool);
  const steps = createSteps(dependencies.stepsPool);
  const stages = [byType(dependencies.firstHandlers), byType(dependencies.handlers)];
  /** By record: runs that timed out and may still go on. Nothing can end them from outside. */
  const abandoned = new Map<string, Promise<void>>();

  return {
    isWanted: (event: WebhookEvent) => plan(event) !== undefined,

    triage(event: WebhookEvent): Triage {
      const other = otherAppOf(event, appId);
      if (other !== undefined)
        return { state: 'ignored', reason: `The event is for ${other}; HUBSPOT_APP_ID is ${appId}.` };
      const planned = plan(event);
      if (!planned) return { state: isKnownType(event.subscriptionType) ? 'ignored' : 'unknown' };
      const { invalid } = planned.read;
      return invalid ? { state: 'dead', reason: invalid } : { state: 'waiting' };
    },

    /** Whether a run of the record timed out and may still go on here. */
    isBusy: (record: string) => abandoned.has(record),

    /** Resolves when no run of the record that timed out goes on here, or `stopping` says so, or after two minutes. */
    async whenFree(record: string, stopping: () => boolean): Promise<void> {
      const waitEnds = performance.now() + LONGEST_WAIT_MS;
      for (let run = abandoned.get(record); run && !stopping(); run = abandoned.get(record)) {
        if (performance.now() > waitEnds) abandoned.delete(record);
        else await pTimeout(run, { milliseconds: LOOK_EVERY_MS, message: false });
      }
    },

    /**
     * Runs all handlers of the event, one after another.
     * @param before what has to be committed before anything that they write.
     * @throws {EventNotDue} when they write and it is not the event's turn; {InvalidEvent} when it lacks a field that
     * its type promises, {HandlerLoop} when the handlers trigger themselves: no handler is called; {HandlerFailure} when
     * a handler fails.
     * @returns true when the mark that the event is done was committed with what they wrote.
     */
    async handle(pending: PendingEvent, before: () => Promise<unknown>): Promise<boolean> {
      const { id, event: received } = pending;
      const planned = plan(received);
      if (!planned) return false;
      const { stages: due, read } = planned;
      // Stored by an earlier version, or replayed.
      if (read.invalid !== undefined) throw new InvalidEvent(read.invalid);
      const { event } = read;
      if (event.isOwnWrite)
        await loops.check(
          pending,
          due.flat().map(({ name }) => name),
        );
      return withCause({ eventId: id, portalId: received.portalId }, async () => {
        let isMarked = false;
        for (const handlers of due) {
          isMarked = await run(handlers, pending, event, before, handlers === due.at(-1));
        }
        return isMarked;
      });
    },
  };

  /** The event's handlers, those of one transaction together, and what they get; undefined when no handler wants it. */
  function plan(event: WebhookEvent): Plan | undefined {
    const ofType = stages
      .map((handlers) => handlers.get(event.subscriptionType) ?? [])
      .filter((handlers) => handlers.length > 0);
    if (ofType.length === 0 || otherAppOf(event, appId) !== undefined) return undefined;
    // Noted when it was stored; by an earlier release it was not.
    const isOwnWrite = event.isOwnWrite ?? saysOwn(event, appId) ?? false;
    const read = readEvent(event, isOwnWrite);
    // Conditions cannot be checked on an event that lacks a field: it becomes a dead letter if any handler has its type.
    if (read.invalid !== undefined) return { stages: ofType, read };
    const matching = ofType
      .map((handlers) => handlers.filter((handler) => matches(handler, event, isOwnWrite)))
      .filter((handlers) => handlers.length > 0);
    return matching.length > 0 ? { stages: matching, read } : undefined;
  }

  async function run(
    matching: readonly AnyWebhookHandler[],
    { id, record, event: { portalId }, attempts }: PendingEvent,
    event: HandlerEvent,
    before: () => Promise<unknown>,
    isLast: boolean,
  ): Promise<boolean> {
    const transaction = transactions.create(id, before);
    let abort: AbortController | undefined;
    const about = { eventId: id, portalId, attempt: attempts + 1, subscriptionType: event.subscriptionType };
    const signal = () => {
      abort ??= new AbortController();
      return abort.signal;
    };
    try {
      for (const handler of matching) {
        const context = createHandlerContext(handler.name, about, transaction.db, signal);
        const work = call(handler, event, context);
        await orTimedOut(longestRunMs, work, handler.name, () => {
          // Also for a handler that reads the signal only afterwards.
          abort ??= new AbortController();
          abort.abort();
          abandon(record, work);
        });
      }
      return await transaction.commit(isLast);
    } catch (error) {
      await transaction.rollback();
      if (error instanceof EventNotDue || error instanceof HandlerFailure) throw error;
      // The commit failed. Handlers share the transaction, so it may have been a statement of any of them.
      throw new HandlerFailure(matching.map(({ name }) => name).join(', '), error);
    }
  }

  function abandon(record: string, work: Promise<void>) {
    const ended = work
      .catch(() => {})
      .finally(() => {
        if (abandoned.get(record) === ended) abandoned.delete(record);
      });
    abandoned.set(record, ended);
  }

  /** Made for every event, so what is expensive is made on first use. */
  function createHandlerContext(
    handler: string,
    { eventId, portalId, attempt, subscriptionType }: Attempt,
    db: HandlerDb,
    signal: () => AbortSignal,
  ): WebhookContext {
    let log: Logger | undefined;
    let install: Promise<InstallStatus> | undefined;
    return {
      eventId,
      attempt,
      db,
      get log() {
        // The event's id and the portal are in every line that is logged while a handler runs.
        log ??= logger.child({ subscriptionType });
        return log;
      },
      get signal() {
        return signal();
      },
      get hubspot() {
        return hubspotFor(portalId, 'background');
      },
      install: () => {
        install ??= installs.status(portalId);
        return install;
      },
      step: steps(eventId, handler),
      enqueue: jobs.enqueueIn(db),
      sendTimelineEvent: (timelineEvent) => timeline.send(portalId, timelineEvent, eventId),
    };
  }
}

/** Rejects also when the handler throws synchronously or returns no promise. */
async function call(handler: AnyWebhookHandler, event: HandlerEvent, context: WebhookContext): Promise<void> {
  try {
    const work: unknown = handler.handle(event as never, context);
    if (!isPromiseLike(work)) {
      throw new TypeError(
        `The handler ${handler.name} returned no promise, so nobody can know when its work ends. ` +
          'Declare it as `async handle(event, context) { … }`.',
      );
    }
    await work;
  } catch (error) {
    throw error instanceof EventNotDue ? error : new HandlerFailure(handler.name, error);
  }
}

const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function';

/** A condition narrows only events that have its field: a handler of several types must not silently miss the others. */
function matches({ when }: AnyWebhookHandler, event: WebhookEvent, isOwnWrite: boolean): boolean {
  if (!when) return true;
  const { properties, changeSources, objectTypeIds, ownWrites } = when;
  const type = event.subscriptionType;
  return (
    (!properties || !isPropertyChange(type) || properties.includes(event.propertyName ?? '')) &&
    (!changeSources || isLifecycle(type) || changeSources.includes(event.changeSource ?? '')) &&
    (!objectTypeIds || !isGeneric(type) || objectTypeIds.includes(objectTypeOf(event) ?? '')) &&
    (ownWrites !== false || !isOwnWrite)
  );
}

function byType(handlers: readonly AnyWebhookHandler[]): ReadonlyMap<string, readonly AnyWebhookHandler[]> {
  const entries = handlers.flatMap((handler) =>
    [...new Set(typesOf(handler))].map((type) => ({ type, handler })),
  );
  const groups = [...Map.groupBy(entries, ({ type }) => type)];
  return new Map(groups.map(([type, group]) => [type, group.map(({ handler }) => handler)]));
}

/** A handler that never ends must not hold up its record for ever. */
function orTimedOut(ms: number, work: Promise<void>, name: string, timedOut: () => void): Promise<void> {
  return pTimeout(work, {
    milliseconds: ms,
    fallback: () => {
      timedOut();
      const tooLong = new Error(`The handler ${name} had not ended after ${ms / 1000} seconds.`);
      throw new HandlerFailure(name, tooLong);
    },
  });
}
