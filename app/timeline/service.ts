import { randomUUID } from 'node:crypto';
import { AppError, installNotFound, invalidRequest, needsReconnect } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Db, Pool } from '../db/pool.ts';
import { inTransaction } from '../db/transaction.ts';
import type { AppEventOccurrence, TimelineTarget } from '../hubspot/apis/timeline.ts';
import { HubSpotError } from '../hubspot/client/errors.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import type { InstallsStore } from '../installs/store.ts';
import type { AppEvent, AppEventNames, ValuesOf } from './app-event.ts';
import { contentDigest } from './content.ts';
import { dropJob, sendLater, sendNow } from './jobs.ts';
import { type TimelineEventKey, timelineEventsStore, type WaitingTimelineEvent } from './store.ts';

export type TimelineService = ReturnType<typeof createTimelineService>;

/** An event of a declared type, or of the first one when it names none. */
export type NewTimelineEvent<Type extends AppEvent = AppEvent> = TimelineTarget & {
  /** Two events of one type with one id are one event. A new one is made up when it is missing. */
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

interface Dependencies {
  pool: Pool;
  installs: InstallsStore;
  hubspotFor: HubSpotFor;
  eventTypes: AppEventNames;
  logger: Logger;
}

/**
 * App events on HubSpot's timelines, through an outbox. An event that was accepted waits until HubSpot takes or refuses
 * it, or a privacy deletion erases it; nothing else ends it.
 */
export function createTimelineService({ pool, installs, hubspotFor, eventTypes, logger }: Dependencies) {
  return {
    /**
     * Stores the event and tries to send it at once. The same content under the same id is one event.
     * @param cause the webhook event whose handler sends it: what that one sends again, on a retry or a replay, may
     * differ by then. The first content stays.
     * @returns `sent` when HubSpot took it, `waiting` when it will be tried again.
     * @throws {AppError} install_not_found, install_needs_reconnect, timeline_event_conflict when other content was
     * accepted under its id; {HubSpotError} when HubSpot refuses the event.
     */
    async send<Type extends AppEvent>(
      portalId: number,
      event: NewTimelineEvent<Type>,
      cause?: string,
    ): Promise<SentTimelineEvent> {
      await requireInstall(portalId);
      const occurrence = occurrenceOf(event);
      const { id } = occurrence;
      const key = { portalId, eventType: occurrence.eventTypeName, id };
      const before = await inTransaction(pool, async (tx) => {
        const digest = contentDigest(occurrence);
        const state = await timelineEventsStore.add(tx, key, { occurrence, digest, cause });
        // The job takes over should this process, or its database connection, end before the event is settled below.
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
        logger.warn({ ...about(key), reason: reasonFor(error) }, 'an app event waits');
        await orByItsJob(key, () => wait(key, error));
        return { id, state: 'waiting' };
      }
      await orByItsJob(key, async () => {
        await timelineEventsStore.markSent(pool, key);
        await dropJob(pool, key);
      });
      return { id, state: 'sent' };
    },

    /** Tries a stored event again. Throws when it has to wait longer. */
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
        if (isLastWord(error)) return await refuse(key, occurrence, reasonFor(error));
        const hours = Math.floor((Date.now() - waiting.createdAt.getTime()) / HOUR_MS);
        const level = hours < LONG_HOURS ? 'warn' : 'error';
        logger[level]({ ...about(key), reason: reasonFor(error), hours }, 'an app event still waits');
        await timelineEventsStore.noteFailure(pool, key, reasonFor(error));
        // The scheduled job sends it when the account has the app again.
        if (!isEnded(error)) throw error;
      }
    },

    /** The same for a job of an earlier release, which named no event type. */
    async retryWithId(portalId: number, id: string): Promise<void> {
      await sendNow(pool, await timelineEventsStore.waitingWithId(pool, portalId, id));
    },
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
    logger.info(about(key), 'an app event sent again by its handler differs; the first content stays');
    return { id: key.id, state: accepted.state };
  }

  async function requireInstall(portalId: number): Promise<void> {
    const install = await installs.find(pool, portalId);
    if (!install || install.state === 'uninstalled') throw installNotFound(portalId);
    if (install.state === 'needs_reconnect') throw needsReconnect(portalId, install.kind);
  }

  /** What became of an event is not worth an error to its sender: the job that was stored with it finds out again. */
  async function orByItsJob(key: TimelineEventKey, note: () => Promise<void>): Promise<void> {
    await note().catch((err) => logger.warn({ ...about(key), err }, 'an app event is left to its job'));
  }

  async function wait(key: TimelineEventKey, error: unknown): Promise<void> {
    await timelineEventsStore.noteFailure(pool, key, reasonFor(error));
    const asked = error instanceof HubSpotError || error instanceof AppError ? error.retryAfter : undefined;
    await sendLater(pool, key, asked ?? RETRY_SECONDS);
  }

  async function refuse(key: TimelineEventKey, occurrence: AppEventOccurrence, why: string): Promise<void> {
    await timelineEventsStore.markRefused(pool, key, occurrence, why);
    logger.error({ ...about(key), reason: why }, 'an app event was refused; it is not sent again');
  }

  /**
   * An event for an address, put under its contact's id: a privacy deletion names the id alone, and with the address of
   * a contact that is erased HubSpot would make it anew.
   * @returns why it is not sent when it may be such a one.
   */
  async function underContact(
    key: TimelineEventKey,
    { occurrence, erasedSince }: WaitingTimelineEvent,
  ): Promise<AppEventOccurrence | string> {
    const { email, objectId, utk: _, ...event } = occurrence;
    if (objectId || !email) return occurrence;
    try {
      const contact = await hubspotFor(key.portalId).contacts.getByEmail(email, ['email']);
      await timelineEventsStore.nameContact(pool, key, email, contact.id);
      return { ...event, objectId: contact.id };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (!erasedSince) return occurrence;
      const why = error.status === 404 ? 'no contact has its address' : 'its contact cannot be looked up';
      return `${why}, and one was erased meanwhile`;
    }
  }
}

/** Longer than a call to HubSpot can take. */
const TAKE_OVER_SECONDS = 60;
const RETRY_SECONDS = 5;
const HOUR_MS = 60 * 60 * 1000;
/** An event that waits for longer is worth an operator's look. */
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
      'nothing was sent: HubSpot cannot change an event. Give what is new an id of its own.',
  );
}

const about = ({ portalId, eventType, id }: TimelineEventKey) => ({
  portalId,
  eventType,
  timelineEventId: id,
});

/** What a caller who waits for the answer is told. A 401 is about the token. */
const isRefusal = (error: unknown): error is HubSpotError =>
  error instanceof HubSpotError && !error.transient && error.status !== 401;

/**
 * HubSpot's last word about an event that was accepted. Other refusals are about the app, the account or the way there
 * (a scope, a version of the API, a firewall): they may be mended, and the event waits for that.
 */
const isLastWord = (error: unknown): error is HubSpotError =>
  error instanceof HubSpotError &&
  (error.status === 404
    ? error.category === 'OBJECT_NOT_FOUND'
    : error.said !== undefined && ABOUT_THE_EVENT.has(error.status));

const ABOUT_THE_EVENT: ReadonlySet<number | undefined> = new Set([400, 413, 414, 422]);

const isEnded = (error: unknown) =>
  error instanceof AppError && ['install_not_found', 'install_needs_reconnect'].includes(error.code);

/** Without what HubSpot or PostgreSQL says about the values, which may be a person's. */
function reasonFor(error: unknown): string {
  if (error instanceof HubSpotError) return [error.summary, ...error.problems].join('; ');
  if (error instanceof AppError) return error.message;
  return String((error as { code?: unknown } | null)?.code ?? 'Error');
}
