import { randomUUID } from 'node:crypto';
import type { InstallsStore } from '../db/installs-store.ts';
import type { Pool } from '../db/pool.ts';
import { timelineEventsStore } from '../db/timeline-events-store.ts';
import { inTransaction } from '../db/transaction.ts';
import { AppError, installNotFound, needsReconnect } from '../errors.ts';
import { HubSpotError } from '../hubspot/errors.ts';
import type { PortalClient } from '../hubspot/portal-client.ts';
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
  hubspotFor: (portalId: number) => PortalClient;
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
      const jobKey = `timeline:${portalId}:${occurrence.id}`;
      const state = await inTransaction(pool, async (tx) => {
        const before = await timelineEventsStore.add(tx, portalId, occurrence);
        // The job takes over should this process end, or HubSpot be away, before the event is sent below.
        const inAMinute = new Date(Date.now() + 60_000);
        if (before === 'waiting') {
          await enqueue(
            tx,
            'send-timeline-event',
            { portalId, id: occurrence.id },
            { jobKey, runAt: inAMinute },
          );
        }
        return before;
      });
      if (state === 'sent') return { id: occurrence.id, state };
      try {
        await deliver(portalId, occurrence);
      } catch (error) {
        if (!canWait(error)) throw error;
        logger.warn({ portalId, err: error }, 'a timeline event waits: HubSpot did not take it now');
        return { id: occurrence.id, state: 'waiting' };
      }
      await cancelJob(pool, jobKey);
      return { id: occurrence.id, state: 'sent' };
    },

    /** Tries a stored event again. Throws when it has to wait longer. */
    async retry(portalId: number, id: string): Promise<void> {
      const occurrence = await timelineEventsStore.findWaiting(pool, portalId, id);
      if (!occurrence) return;
      try {
        await deliver(portalId, occurrence);
      } catch (error) {
        if (canWait(error)) throw error;
        logger.error(
          { portalId, err: error },
          'HubSpot refused a timeline event; it is kept and not tried again',
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
      if (!canWait(error)) {
        const reason = error instanceof Error ? error.message : String(error);
        await timelineEventsStore.settle(pool, portalId, occurrence.id, 'refused', reason);
      }
      throw error;
    }
  }
}

const canWait = (error: unknown) =>
  error instanceof HubSpotError ? error.transient : error instanceof AppError && error.status >= 500;
