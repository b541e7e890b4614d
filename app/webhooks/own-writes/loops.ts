import { alarmsStore } from '../../alarms/index.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Db, Pool } from '../../db/pool.ts';
import { isId } from '../event/event.ts';
import { type PendingEvent, webhookEventsStore } from '../events-store.ts';
import { ownWritesStore } from './store.ts';
import { recordMark } from './written-values.ts';

/** A handler that triggers itself does so every few seconds, the delay of HubSpot's webhooks. */
const MOST_A_MINUTE = 5;
const MINUTE_MS = 60 * 1000;
/** Older events are not part of a loop: they have waited, or an operator replays them. */
const LATE_MS = 10 * MINUTE_MS;

const PREFIX = 'webhook_loop:';

/** Handlers are triggered by their own changes of a record. The event becomes a dead letter. */
export class HandlerLoop extends Error {
  override readonly name = 'HandlerLoop';
}

export type WebhookLoops = ReturnType<typeof createWebhookLoops>;

/** Detects handlers that trigger themselves, across all processes. */
export function createWebhookLoops({ pool, clock, logger }: { pool: Pool; clock: Clock; logger: Logger }) {
  return {
    /**
     * @param pending an event that this app caused.
     * @param handlers the names of its handlers.
     * @throws {HandlerLoop} when handlers have changed the same property of the record too often within a minute. Also
     * raises an alarm.
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
        'add when: { ownWrites: false } or write only changed values, then replay them.';
      await alarmsStore.raise(pool, `${PREFIX}${portalId}:${what}`, message);
      logger.error(
        { portalId, record, subscriptionType, propertyName, handlers },
        'webhook handlers trigger themselves',
      );
      throw new HandlerLoop(message);
    },
  };
}

/** Clears the alarms that were last raised before `before`. */
export const clearOldLoopAlarms = (db: Db, before: Date): Promise<void> =>
  alarmsStore.clearUnseenSince(db, PREFIX, before);
