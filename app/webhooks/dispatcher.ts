import pTimeout from 'p-timeout';
import type { Logger } from '../base/logger.ts';
import { withCause } from '../base/trace.ts';
import type { Db, Pool } from '../db/pool.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import type { InstallService, InstallStatus } from '../installs/service.ts';
import type { TimelineService } from '../timeline/service.ts';
import { isKnownType, objectTypeOf, otherAppOf, type WebhookEvent } from './event/event.ts';
import { InvalidEvent, invalidity, missingField } from './event/fields.ts';
import type { PendingEvent } from './events-store.ts';
import type { AnyWebhookHandler, WebhookContext } from './handler.ts';
import type { WebhookLoops } from './own-writes/loops.ts';
import { saysOwn } from './own-writes/service.ts';
import { createEventTransactions, EventNotDue } from './pipeline/event-transaction.ts';

const LONGEST_RUN_MS = 2 * 60 * 1000;
/** For how long a record waits for a run that was given up, before it goes on beside it. */
const LONGEST_WAIT_MS = 2 * 60 * 1000;
const LOOK_EVERY_MS = 200;

/** The transaction that a handler writes in. */
export type HandlerDb = Db;

/** What a handler threw, or why its work did not count, with the handler's name. */
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

/** What becomes of an event before any handler runs. */
export interface Triage {
  readonly state: 'waiting' | 'ignored' | 'unknown' | 'dead';
  readonly reason?: string;
}

export type WebhookDispatcher = ReturnType<typeof createWebhookDispatcher>;

interface Dependencies {
  pool: Pool;
  /** Events of other apps are not handled. */
  appId: number;
  /** They come before the others, in a transaction of their own: what they did stays, whatever becomes of those. */
  firstHandlers: readonly AnyWebhookHandler[];
  handlers: readonly AnyWebhookHandler[];
  hubspotFor: HubSpotFor;
  timeline: TimelineService;
  installs: Pick<InstallService, 'status'>;
  loops: WebhookLoops;
  logger: Logger;
  longestRunMs?: number | undefined;
}

/** Finds the handlers of an event and runs them. */
export function createWebhookDispatcher(dependencies: Dependencies) {
  const { pool, appId, hubspotFor, timeline, installs, loops, logger } = dependencies;
  const { longestRunMs = LONGEST_RUN_MS } = dependencies;
  const transactions = createEventTransactions(pool);
  const stages = [dependencies.firstHandlers, dependencies.handlers].map((handlers) =>
    Map.groupBy(handlers, ({ on }) => on as string),
  );
  /** By record: runs that were given up and may still go on. Nothing can end them but themselves. */
  const abandoned = new Map<string, Promise<void>>();
  /** Noted when it was stored; by an earlier release it was not. */
  const isOwnWrite = (event: WebhookEvent) => event.isOwnWrite ?? saysOwn(event, appId) ?? false;
  /** The event's handlers, those of one transaction together. */
  const stagesOf = (event: WebhookEvent) => {
    if (otherAppOf(event, appId) !== undefined) return [];
    // Whether a handler wants an event that lacks a field cannot be told: each of its type counts, so that it is kept.
    const isWhole = missingField(event) === undefined;
    return stages
      .map((byType) => byType.get(event.subscriptionType) ?? [])
      .map((handlers) => handlers.filter((handler) => !isWhole || matches(handler, event, isOwnWrite)))
      .filter((handlers) => handlers.length > 0);
  };

  return {
    isWanted: (event: WebhookEvent) => stagesOf(event).length > 0,

    triage(event: WebhookEvent): Triage {
      const other = otherAppOf(event, appId);
      if (other !== undefined)
        return { state: 'ignored', reason: `The event is for ${other}; HUBSPOT_APP_ID is ${appId}.` };
      if (stagesOf(event).length === 0)
        return { state: isKnownType(event.subscriptionType) ? 'ignored' : 'unknown' };
      const reason = invalidity(event);
      return reason ? { state: 'dead', reason } : { state: 'waiting' };
    },

    /** Whether a run of the record was given up and may still go on here. */
    isBusy: (record: string) => abandoned.has(record),

    /** Resolves when no run of the record goes on here that was given up, or `stopping` says so, or after two minutes. */
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
      const { id, event } = pending;
      const due = stagesOf(event);
      if (due.length === 0) return false;
      // Stored by an earlier version, or replayed.
      const reason = invalidity(event);
      if (reason) throw new InvalidEvent(reason);
      const isOwn = isOwnWrite(event);
      if (isOwn)
        await loops.check(
          pending,
          due.flat().map(({ name }) => name),
        );
      const given = { ...pending, event: { ...event, isOwnWrite: isOwn } };
      return withCause({ eventId: id, portalId: event.portalId }, async () => {
        let isMarked = false;
        for (const handlers of due) {
          isMarked = await run(handlers, given, before, handlers === due.at(-1));
        }
        return isMarked;
      });
    },
  };

  async function run(
    matching: readonly AnyWebhookHandler[],
    { id, record, event, attempts }: PendingEvent,
    before: () => Promise<unknown>,
    isLast: boolean,
  ): Promise<boolean> {
    const transaction = transactions.create(id, before);
    let abort: AbortController | undefined;
    const context = createHandlerContext(id, event, attempts + 1, transaction.db, () => {
      abort ??= new AbortController();
      return abort.signal;
    });
    try {
      for (const handler of matching) {
        const work = call(handler, event, context);
        await orGivenUp(longestRunMs, work, handler.name, () => {
          // Also for a handler that asks for the signal only afterwards.
          abort ??= new AbortController();
          abort.abort();
          abandon(record, work);
        });
      }
      return await transaction.commit(isLast);
    } catch (error) {
      await transaction.rollback();
      if (error instanceof EventNotDue || error instanceof HandlerFailure) throw error;
      // The commit failed: of handlers that share a transaction, nobody can tell whose statement it was.
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

  /** Made for every event, so all that costs something is made when it is first asked for. */
  function createHandlerContext(
    eventId: string,
    event: WebhookEvent,
    attempt: number,
    db: Db,
    signal: () => AbortSignal,
  ): WebhookContext {
    let log: Logger | undefined;
    let install: Promise<InstallStatus> | undefined;
    return {
      eventId,
      attempt,
      db,
      get log() {
        // Event and portal stand in every line of what a handler does.
        log ??= logger.child({ subscriptionType: event.subscriptionType });
        return log;
      },
      get signal() {
        return signal();
      },
      get hubspot() {
        return hubspotFor(event.portalId, 'background');
      },
      install: () => {
        install ??= installs.status(event.portalId);
        return install;
      },
      sendTimelineEvent: (timelineEvent) => timeline.send(event.portalId, timelineEvent, eventId),
    };
  }
}

/** Whatever the handler does, even when it throws at once or is not async, is in the promise. */
async function call(handler: AnyWebhookHandler, event: WebhookEvent, context: WebhookContext): Promise<void> {
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

function matches(
  { when }: AnyWebhookHandler,
  event: WebhookEvent,
  isOwnWrite: (event: WebhookEvent) => boolean,
): boolean {
  if (!when) return true;
  const { properties, changeSources, objectTypeIds, ownWrites } = when;
  return (
    (!properties || properties.includes(event.propertyName ?? '')) &&
    (!changeSources || changeSources.includes(event.changeSource ?? '')) &&
    (!objectTypeIds || objectTypeIds.includes(objectTypeOf(event) ?? '')) &&
    (ownWrites !== false || !isOwnWrite(event))
  );
}

/** A handler that never ends must not hold its record for ever. */
function orGivenUp(ms: number, work: Promise<void>, name: string, giveUp: () => void): Promise<void> {
  return pTimeout(work, {
    milliseconds: ms,
    fallback: () => {
      giveUp();
      const tooLong = new Error(`The handler ${name} had not ended after ${ms / 1000} seconds.`);
      throw new HandlerFailure(name, tooLong);
    },
  });
}
