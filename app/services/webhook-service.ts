import type { Pool } from '../db/pool.ts';
import { inTransaction } from '../db/transaction.ts';
import { webhooksStore } from '../db/webhooks-store.ts';
import type { PortalClient } from '../hubspot/portal-client.ts';
import { enqueue } from '../jobs/enqueue.ts';
import type { Logger } from '../logger.ts';
import type { WebhookHandler } from '../webhooks/handler.ts';
import type { TimelineService } from './timeline-service.ts';
import { eventKey, parseDelivery } from './webhook-event.ts';

const DELIVERIES_AT_ONCE = 20;

export type WebhookService = ReturnType<typeof createWebhookService>;

interface Dependencies {
  pool: Pool;
  handlers: readonly WebhookHandler[];
  hubspotFor: (portalId: number) => PortalClient;
  timeline: TimelineService;
  logger: Logger;
}

export function createWebhookService({ pool, handlers, hubspotFor, timeline, logger }: Dependencies) {
  return {
    /** Stores a verified delivery as received. When this returns, the delivery outlives the process. */
    async receive(body: Buffer): Promise<void> {
      await inTransaction(pool, async (tx) => {
        await webhooksStore.addDelivery(tx, body);
        await enqueue(tx, 'split-webhook-deliveries', {}, { jobKey: 'split-webhook-deliveries' });
      });
    },

    /** Splits the waiting deliveries into events, each with a job of its own; repeats of a known event end here. */
    async splitWaiting(): Promise<void> {
      while ((await splitSome()) === DELIVERIES_AT_ONCE);
    },

    /** Runs the handlers of one event. Throws when a handler did, after noting why. */
    async handle(key: string, lastAttempt: boolean): Promise<void> {
      const event = await webhooksStore.beginAttempt(pool, key);
      if (!event) return;
      const log = logger.child({
        portalId: event.portalId,
        eventKey: key,
        subscriptionType: event.subscriptionType,
      });
      try {
        for (const handler of handlers.filter(({ on }) => on === event.subscriptionType)) {
          await handler.handle(event, {
            log: log.child({ handler: handler.name }),
            hubspot: hubspotFor(event.portalId),
            eventKey: key,
            sendTimelineEvent: (timelineEvent) => timeline.send(event.portalId, timelineEvent),
          });
        }
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        await webhooksStore.noteFailure(pool, key, reason, lastAttempt);
        throw error;
      }
      await webhooksStore.settleEvent(pool, key);
      log.info('handled a webhook event');
    },
  };

  function splitSome(): Promise<number> {
    return inTransaction(pool, async (tx) => {
      const deliveries = await webhooksStore.lockWaiting(tx, DELIVERIES_AT_ONCE);
      for (const { id, body } of deliveries) {
        const { events, problem } = parseDelivery(body);
        if (problem)
          logger.warn({ deliveryId: id, problem }, 'a delivery holds what is not an event; it is kept');
        for (const event of events) {
          const key = eventKey(event);
          const isNew = await webhooksStore.addEvent(tx, key, id, event);
          if (isNew) await enqueue(tx, 'handle-webhook-event', { key }, {});
        }
        await webhooksStore.settleDelivery(
          tx,
          id,
          events.length > 0 || !problem ? 'done' : 'rejected',
          problem,
        );
      }
      return deliveries.length;
    });
  }
}
