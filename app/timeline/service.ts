import { randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { AppError, invalidRequest } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Db, Pool } from '../db/pool.ts';
import { inTransaction } from '../db/transaction.ts';
import type { AppEventOccurrence, TimelineTarget } from '../hubspot/apis/timeline.ts';
import { HubSpotError } from '../hubspot/client/errors.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import type { InstallService } from '../installs/index.ts';
import type { AppEvent, AppEventNames, ValuesOf } from './app-event.ts';
import { contentDigest } from './content.ts';
import { dropJob, sendLater, sendNow } from './jobs.ts';
import { pruneTimeline, sendForgotten } from './maintenance.ts';
import { type TimelineEventKey, timelineEventsStore, type WaitingTimelineEvent } from './store.ts';

export type TimelineService = ReturnType<typeof createTimeline>;

/** An event of a declared type, or of the first one when it names none. */
export type NewTimelineEvent<Type extends AppEvent = AppEvent> = TimelineTarget & {
  /** Identifies the event within its type; a random one by default. */
  readonly id?: string | undefined;
  readonly type?: Type | undefined;
  /** In place of `type`: its name in the integration, or HubSpot's. */
  readonly eventTypeName?: string | undefined;
  /** ISO 8601. */
  readonly timestamp?: string | undefined;
  readonly properties?:
    | (AppEvent extends Type ? AppEventOccurrence['properties'] : ValuesOf<Type>)
    | undefined;
  readonly extraData?: Record<string, unknown> | undefined;
};

export interface SentTimelineEvent {
  readonly id: string;
  readonly state: 'sent' | 'waiting';
}

interface Parts {
  pool: Pool;
  installs: Pick<InstallService, 'requireConnected' | 'connected'>;
  hubspotFor: HubSpotFor;
  /** Whether a privacy deletion erased a contact of the portal after `since`. */
  hasErasedSince: (db: Db, portalId: number, since: Date) => Promise<boolean>;
  eventTypes: AppEventNames;
  /** How long events that were sent or refused are kept. */
  retentionDays: number;
  clock: Clock;
  logger: Logger;
}

/**
 * App events on HubSpot's timelines, through an outbox. An accepted event is retried until HubSpot accepts or refuses it
 * or a privacy deletion erases it.
 */
export function createTimeline(parts: Parts) {
  const { pool, installs, hubspotFor, eventTypes, clock, logger } = parts;
  return {
    /**
     * Stores the event and sends it. Idempotent: the same content under the same id is one event.
     * @param cause the webhook event whose handler sends it. When a retry or a replay of that handler sends other
     * content under the same id, the first content stays.
     * @returns `sent` when HubSpot accepted it, `waiting` when it will be retried.
     * @throws {AppError} install_not_found, install_needs_reconnect, timeline_event_conflict when other content was
     * accepted under its id; {HubSpotError} when HubSpot refuses the event.
     */
    async send<Type extends AppEvent>(
      portalId: number,
      event: NewTimelineEvent<Type>,
      cause?: string,
    ): Promise<SentTimelineEvent> {
      await installs.requireConnected(portalId);
      const occurrence = occurrenceOf(event);
      const { id } = occurrence;
      const key = { portalId, eventType: occurrence.eventTypeName, id };
      const before = await inTransaction(pool, async (tx) => {
        const digest = contentDigest(occurrence);
        const state = await timelineEventsStore.add(tx, key, { occurrence, digest, cause });
        // The job takes over if this process or its database connection ends before the result is stored below.
        if (state === 'waiting') await sendLater(tx, key, TAKE_OVER_SECONDS);
        return state === 'differs' ? await acceptedBefore(tx, key, cause) : state;
      });
      if (typeof before === 'object') return before;
      if (before === 'sent') return { id, state: 'sent' };
      try {
        await hubspotFor(portalId).timeline.sendEvent(occurrence);
      } catch (error) {
        if (isRefusal(error)) {
          await orByItsJob(key, () =>
            timelineEventsStore.markRefused(pool, key, occurrence, reasonFor(error)),
          );
          throw error;
        }
        logger.warn(
          { ...about(key), reason: reasonFor(error) },
          'an app event was not sent; it will be retried',
        );
        await orByItsJob(key, () => wait(key, error));
        return { id, state: 'waiting' };
      }
      await orByItsJob(key, async () => {
        await timelineEventsStore.markSent(pool, key);
        await dropJob(pool, key);
      });
      return { id, state: 'sent' };
    },

    /** Retries a stored event. @throws when it has to be retried again. */
    async retry(key: TimelineEventKey): Promise<void> {
      const waiting = await timelineEventsStore.findWaiting(pool, key);
      if (!waiting) return;
      let { occurrence } = waiting;
      try {
        const named = await underContact(key, waiting);
        if (typeof named === 'string') return await refuse(key, occurrence, named);
        occurrence = named;
        await hubspotFor(key.portalId).timeline.sendEvent(occurrence);
        await timelineEventsStore.markSent(pool, key);
      } catch (error) {
        if (isFinalRefusal(error)) return await refuse(key, occurrence, reasonFor(error));
        const hours = Math.floor((Date.now() - waiting.createdAt.getTime()) / HOUR_MS);
        const level = hours < LONG_HOURS ? 'warn' : 'error';
        logger[level](
          { ...about(key), reason: reasonFor(error), hours },
          'a retry of an app event failed; it will be retried again',
        );
        await timelineEventsStore.noteFailure(pool, key, reasonFor(error));
        // sendForgotten retries it when the account installs the app again.
        if (!isEnded(error)) throw error;
      }
    },

    /** For jobs of earlier releases, which have no event type. */
    async retryWithId(portalId: number, id: string): Promise<void> {
      await sendNow(pool, await timelineEventsStore.waitingWithId(pool, portalId, id));
    },

    /** Retries waiting events that have lost their job. */
    sendForgotten: (stopping: () => boolean): Promise<void> =>
      sendForgotten(pool, installs.connected, stopping),

    prune: (stopping: () => boolean): Promise<void> =>
      pruneTimeline(pool, new Date(clock.now() - parts.retentionDays * DAY_MS), stopping),

    /**
     * Deletes a contact's waiting events, in the transaction of a privacy deletion.
     * @param email the contact's last known address.
     * @returns how many.
     */
    eraseContact: (tx: Db, portalId: number, contactId: string, email: string | undefined): Promise<number> =>
      timelineEventsStore.erase(tx, portalId, contactId, email),

    /** Retries a portal's events that name their contact by e-mail address only, which looks up their contacts. */
    retryAddressed: async (tx: Db, portalId: number): Promise<void> =>
      sendNow(tx, await timelineEventsStore.waitingAddressed(tx, portalId)),
  };

  function occurrenceOf<Type extends AppEvent>({
    type,
    eventTypeName = type?.name,
    ...event
  }: NewTimelineEvent<Type>): AppEventOccurrence {
    const fullName = eventTypeName === undefined ? eventTypes.fallback : eventTypes.fullName(eventTypeName);
    if (fullName === undefined) {
      throw invalidRequest(
        'eventTypeName: is missing, and this app declares no event type. Nothing was sent: name one, or declare it in integration/app-events.',
      );
    }
    return {
      ...event,
      id: event.id ?? randomUUID(),
      eventTypeName: fullName,
      properties: { ...eventTypes.defaultsOf(fullName), ...event.properties },
    };
  }

  async function acceptedBefore(
    tx: Db,
    key: TimelineEventKey,
    cause: string | undefined,
  ): Promise<SentTimelineEvent> {
    const accepted = await timelineEventsStore.accepted(tx, key);
    if (!accepted || cause === undefined || accepted.cause !== cause)
      throw timelineEventConflict(key, accepted?.state);
    logger.info(
      about(key),
      'a handler sent other content under the id of an app event; the first content stays',
    );
    return { id: key.id, state: accepted.state };
  }

  /** A result that cannot be stored is no error for the sender: the event's job gets the result again. */
  async function orByItsJob(key: TimelineEventKey, store: () => Promise<void>): Promise<void> {
    await store().catch((err) =>
      logger.warn({ ...about(key), err }, 'the result of an app event was not stored; its job will retry'),
    );
  }

  async function wait(key: TimelineEventKey, error: unknown): Promise<void> {
    await timelineEventsStore.noteFailure(pool, key, reasonFor(error));
    const asked = error instanceof HubSpotError || error instanceof AppError ? error.retryAfter : undefined;
    await sendLater(pool, key, asked ?? RETRY_SECONDS);
  }

  async function refuse(key: TimelineEventKey, occurrence: AppEventOccurrence, why: string): Promise<void> {
    await timelineEventsStore.markRefused(pool, key, occurrence, why);
    logger.error({ ...about(key), reason: why }, 'an app event cannot be sent; it will not be retried');
  }

  /**
   * Replaces the e-mail address of an event by the id of its contact. A privacy deletion names the id only, and HubSpot
   * would create an erased contact again for an event with its address.
   * @returns why the event must not be sent when its contact may have been erased.
   */
  async function underContact(
    key: TimelineEventKey,
    { occurrence, createdAt }: WaitingTimelineEvent,
  ): Promise<AppEventOccurrence | string> {
    const { email, objectId, utk: _, ...event } = occurrence;
    if (objectId || !email) return occurrence;
    try {
      const contact = await hubspotFor(key.portalId).contacts.getByEmail(email, ['email']);
      await timelineEventsStore.nameContact(pool, key, email, contact.id);
      return { ...event, objectId: contact.id };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (!(await parts.hasErasedSince(pool, key.portalId, createdAt))) return occurrence;
      const why = error.status === 404 ? 'no contact has its address' : 'its contact cannot be looked up';
      return `${why}, and one was erased meanwhile`;
    }
  }
}

/** Longer than a call to HubSpot can take. */
const TAKE_OVER_SECONDS = 60;
const RETRY_SECONDS = 5;
const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** Failed retries after this are logged as errors. */
const LONG_HOURS = 24;

function timelineEventConflict(
  { eventType, id }: TimelineEventKey,
  state: SentTimelineEvent['state'] | undefined,
): AppError {
  const kept = state === 'waiting' ? 'which still waits to be sent' : 'which HubSpot has';
  return new AppError(
    409,
    'timeline_event_conflict',
    `An event ${eventType} with the id ${id} was accepted before with other content, ${kept}. It stays as it is, and ` +
      'nothing was sent: HubSpot cannot change an event. Give the new event another id.',
  );
}

const about = ({ portalId, eventType, id }: TimelineEventKey) => ({
  portalId,
  eventType,
  timelineEventId: id,
});

/** Whether HubSpot refuses the request of a caller. A 401 is about the token. */
const isRefusal = (error: unknown): error is HubSpotError =>
  error instanceof HubSpotError && !error.transient && error.status !== 401;

/**
 * Whether HubSpot refuses an accepted event for good. Other errors are about the app, the account or the network (a
 * scope, an API version, a firewall): an operator may fix them, so the event is retried.
 */
const isFinalRefusal = (error: unknown): error is HubSpotError =>
  error instanceof HubSpotError &&
  (error.status === 404
    ? error.category === 'OBJECT_NOT_FOUND'
    : error.said !== undefined && ABOUT_THE_EVENT.has(error.status));

const ABOUT_THE_EVENT: ReadonlySet<number | undefined> = new Set([400, 413, 414, 422]);

const isEnded = (error: unknown) =>
  error instanceof AppError && ['install_not_found', 'install_needs_reconnect'].includes(error.code);

/** Leaves out messages of HubSpot and PostgreSQL, which may quote personal data. */
function reasonFor(error: unknown): string {
  if (error instanceof HubSpotError) return [error.summary, ...error.problems].join('; ');
  if (error instanceof AppError) return error.message;
  return String((error as { code?: unknown } | null)?.code ?? 'Error');
}
