import { alarmsStore } from '../../alarms/index.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Db, Pool } from '../../db/pool.ts';
import { isId } from '../event/event.ts';
import { type PendingEvent, webhookEventsStore } from '../events-store.ts';
import { ownWritesStore } from './store.ts';
import { recordMark } from './written-values.ts';

/** A handler that triggers itself by what it writes does so every few seconds, which HubSpot's webhooks take. */
const MOST_A_MINUTE = 5;
const MINUTE_MS = 60 * 1000;
/** What occurred longer ago goes round no more: it waited, or an operator replays it. */
const LATE_MS = 10 * MINUTE_MS;

const PREFIX = 'webhook_loop:';

/** Handlers change a record again and again because of their own changes. The event is kept and not retried. */
export class HandlerLoop extends Error {
  override readonly name = 'HandlerLoop';
}

export type WebhookLoops = ReturnType<typeof createWebhookLoops>;

/** Finds handlers that trigger themselves, over all processes. */
export function createWebhookLoops({ pool, clock, logger }: { pool: Pool; clock: Clock; logger: Logger }) {
  return {
    /**
     * @param pending an event that this app caused.
     * @param handlers names of those that are to run.
     * @throws {HandlerLoop} when handlers changed the same property of the record too often within a minute; an alarm is
     * raised.
     */
    async check({ record, event }: PendingEvent, handlers: readonly string[]): Promise<void> {
      const { portalId, subscriptionType, propertyName, occurredAt } = event;
      const objectId = [event.objectId, event.fromObjectId].find(isId);
      if (!occurredAt || objectId === undefined || clock.now() - occurredAt > LATE_MS) return;
      const writes = await ownWritesStore.byHandlers(pool, recordMark(portalId, String(objectId)));
      if (writes <= MOST_A_MINUTE) return;
      const about = { record, subscriptionType, propertyName, from: occurredAt - MINUTE_MS, to: occurredAt };
      if ((await webhookEventsStore.countOwn(pool, about)) <= MOST_A_MINUTE) return;
      const what = [subscriptionType, propertyName].filter(Boolean).join(' ');
      const message =
        `Webhook handlers trigger themselves (${handlers.join(', ')}): ${what} of ${record} came more than ` +
        `${MOST_A_MINUTE} times in a minute from their own writes. Further events are kept as dead letters; ` +
        'add when: { ownWrites: false }, or write only what differs, then replay them.';
      await alarmsStore.raise(pool, `${PREFIX}${portalId}:${what}`, message);
      logger.error(
        { portalId, record, subscriptionType, propertyName, handlers },
        'webhook handlers trigger themselves',
      );
      throw new HandlerLoop(message);
    },
  };
}

/** Clears those that were last seen before `before`. */
export const clearOldLoopAlarms = (db: Db, before: Date): Promise<void> =>
  alarmsStore.clearUnseenSince(db, PREFIX, before);
