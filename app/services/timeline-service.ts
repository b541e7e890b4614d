import { randomUUID } from 'node:crypto';
import type { InstallsStore } from '../db/installs-store.ts';
import type { Db, Pool } from '../db/pool.ts';
import { timelineEventsStore, type WaitingTimelineEvent } from '../db/timeline-events-store.ts';
import { inTransaction } from '../db/transaction.ts';
import { AppError, installNotFound, needsReconnect } from '../errors.ts';
import { HubSpotError } from '../hubspot/errors.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import type { AppEventOccurrence } from '../hubspot/timeline.ts';
import { cancelJob, enqueue, enqueueAll } from '../jobs/enqueue.ts';
import type { Logger } from '../logger.ts';

export type TimelineService = ReturnType<typeof createTimelineService>;

export type NewTimelineEvent = Omit<AppEventOccurrence, 'id' | 'eventTypeName'> & {
  /** Two events with one id are one event. A new one is made up when it is missing. */
  readonly id?: string | undefined;
  readonly eventTypeName?: string | undefined;
};

interface Dependencies {
  pool: Pool;
  installs: InstallsStore;
  hubspotFor: HubSpotFor;
  /** Fully qualified name of the event type that is meant when an event names none. */
  eventType: string;
  logger: Logger;
}

/** App events on HubSpot's timelines, through an outbox: what was accepted here reaches HubSpot or is accounted for. */
export function createTimelineService({ pool, installs, hubspotFor, eventType, logger }: Dependencies) {
  return {
    /**
     * Stores the event and tries to send it at once.
     * @returns `sent` when HubSpot took it, `waiting` when it will be tried again.
     * @throws {AppError} install_not_found, install_needs_reconnect; {HubSpotError} when HubSpot refuses the event.
     */
    async send(
      portalId: number,
      event: NewTimelineEvent,
    ): Promise<{ id: string; state: 'sent' | 'waiting' }> {
      await requireInstall(portalId);
      const occurrence = {
        ...event,
        id: event.id ?? randomUUID(),
        eventTypeName: event.eventTypeName ?? eventType,
      };
      const state = await inTransaction(pool, async (tx) => {
        const before = await timelineEventsStore.add(tx, portalId, occurrence);
        // The job takes over should this process end before the event is sent below.
        if (before === 'waiting') await retryLater(tx, portalId, occurrence.id, TAKE_OVER_SECONDS);
        return before;
      });
      if (state === 'sent') return { id: occurrence.id, state };
      try {
        await deliver(portalId, occurrence);
      } catch (error) {
        if (!canWait(error)) throw error;
        logger.warn({ portalId, err: error }, 'a timeline event waits: HubSpot did not take it now');
        await retryLater(pool, portalId, occurrence.id, error.retryAfter ?? RETRY_SECONDS);
        return { id: occurrence.id, state: 'waiting' };
      }
      await cancelJob(pool, jobKeyOf(portalId, occurrence.id));
      return { id: occurrence.id, state: 'sent' };
    },

    /**
     * Tries a stored event again. Throws when it has to wait longer.
     * @param isLast it is given up should HubSpot not take it now.
     */
    async retry(portalId: number, id: string, isLast: boolean): Promise<void> {
      const waiting = await timelineEventsStore.findWaiting(pool, portalId, id);
      if (!waiting) return;
      try {
        const occurrence = await underContact(portalId, waiting);
        if (typeof occurrence === 'string') await refuse(portalId, id, occurrence);
        else await deliver(portalId, occurrence);
      } catch (error) {
        if (canWait(error)) {
          if (!isLast) throw error;
          await refuse(portalId, id, summaryOf(error));
        }
        logger.error(
          { portalId, err: error },
          'HubSpot did not take a timeline event; it is not tried again',
        );
      }
    },
  };

  async function requireInstall(portalId: number): Promise<void> {
    const install = await installs.find(pool, portalId);
    if (!install || install.state === 'uninstalled') throw installNotFound(portalId);
    if (install.state === 'needs_reconnect') throw needsReconnect(portalId);
  }

  /** Sends, and records what became of it unless it can still be sent later. */
  async function deliver(portalId: number, occurrence: AppEventOccurrence): Promise<void> {
    try {
      await hubspotFor(portalId).timeline.sendEvent(occurrence);
      await timelineEventsStore.settle(pool, portalId, occurrence.id, 'sent');
    } catch (error) {
      if (!canWait(error)) await refuse(portalId, occurrence.id, summaryOf(error));
      throw error;
    }
  }

  function refuse(portalId: number, id: string, why: string): Promise<void> {
    return timelineEventsStore.settle(pool, portalId, id, 'refused', why);
  }

  /**
   * An event for an address, put under its contact's id: a privacy deletion names the id alone, and with the address of
   * a contact that is erased HubSpot would make it anew.
   * @returns why it is not sent when it may be such a one.
   */
  async function underContact(
    portalId: number,
    { occurrence, erasedSince }: WaitingTimelineEvent,
  ): Promise<AppEventOccurrence | string> {
    const { email, objectId, ...event } = occurrence;
    if (objectId || !email) return occurrence;
    try {
      const contact = await hubspotFor(portalId).contacts.getByEmail(email, ['email']);
      await timelineEventsStore.nameContact(pool, portalId, event.id, email, contact.id);
      return { ...event, objectId: contact.id };
    } catch (error) {
      if (canWait(error)) throw error;
      if (!erasedSince || !(error instanceof HubSpotError)) return occurrence;
      const why = error.status === 404 ? 'no contact has its address' : 'its contact cannot be looked up';
      return `${why}, and one was erased meanwhile`;
    }
  }
}

/** Without what HubSpot says about the values, which may be a person's. */
function summaryOf(error: unknown): string {
  if (error instanceof HubSpotError) return error.summary;
  return error instanceof AppError ? error.message : 'Error';
}

/** Longer than a call to HubSpot can take. */
const TAKE_OVER_SECONDS = 60;
const RETRY_SECONDS = 5;

const jobKeyOf = (portalId: number, id: string) => `timeline:${portalId}:${id}`;

/** Has a portal's events that wait under an address tried at once. */
export async function tryAddressedNow(tx: Db, portalId: number): Promise<void> {
  const ids = await timelineEventsStore.waitingAddressed(tx, portalId);
  const jobs = ids.map((id) => ({ payload: { portalId, id }, jobKey: jobKeyOf(portalId, id) }));
  if (jobs.length > 0) await enqueueAll(tx, 'send-timeline-event', jobs);
}

function retryLater(db: Db, portalId: number, id: string, seconds: number): Promise<void> {
  const runAt = new Date(Date.now() + seconds * 1000);
  return enqueue(db, 'send-timeline-event', { portalId, id }, { jobKey: jobKeyOf(portalId, id), runAt });
}

function canWait(error: unknown): error is HubSpotError | AppError {
  return error instanceof HubSpotError ? error.transient : error instanceof AppError && error.status >= 500;
}
