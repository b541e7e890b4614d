import { randomUUID } from 'node:crypto';
import type { InstallsStore } from '../db/installs-store.ts';
import type { Db, Pool } from '../db/pool.ts';
import { timelineEventsStore } from '../db/timeline-events-store.ts';
import { inTransaction } from '../db/transaction.ts';
import { AppError, installNotFound, needsReconnect } from '../errors.ts';
import { HubSpotError } from '../hubspot/errors.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import type { AppEventOccurrence } from '../hubspot/timeline.ts';
import { cancelJob, enqueue } from '../jobs/enqueue.ts';
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
      const occurrence = await timelineEventsStore.findWaiting(pool, portalId, id);
      if (!occurrence) return;
      try {
        await deliver(portalId, occurrence, isLast);
      } catch (error) {
        if (canWait(error) && !isLast) {
          await learnContact(portalId, occurrence);
          throw error;
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
  async function deliver(portalId: number, occurrence: AppEventOccurrence, isLast = false): Promise<void> {
    try {
      await hubspotFor(portalId).timeline.sendEvent(occurrence);
      await timelineEventsStore.settle(pool, portalId, occurrence.id, 'sent');
    } catch (error) {
      if (isLast || !canWait(error)) {
        await timelineEventsStore.settle(pool, portalId, occurrence.id, 'refused', summaryOf(error));
      }
      throw error;
    }
  }

  /**
   * An event that waits is held under its contact's id as soon as HubSpot tells it: a privacy deletion names the id
   * alone, and an address would make the contact anew.
   */
  async function learnContact(portalId: number, { id, objectId, email }: AppEventOccurrence): Promise<void> {
    if (objectId || !email) return;
    try {
      const contact = await hubspotFor(portalId).contacts.getByEmail(email, ['email']);
      await timelineEventsStore.nameContact(pool, portalId, id, email, contact.id);
    } catch (err) {
      logger.debug({ portalId, err }, 'the contact of a timeline event that waits is not known');
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

function retryLater(db: Db, portalId: number, id: string, seconds: number): Promise<void> {
  const runAt = new Date(Date.now() + seconds * 1000);
  return enqueue(db, 'send-timeline-event', { portalId, id }, { jobKey: jobKeyOf(portalId, id), runAt });
}

function canWait(error: unknown): error is HubSpotError | AppError {
  return error instanceof HubSpotError ? error.transient : error instanceof AppError && error.status >= 500;
}
