import type { AnyWebhookHandler } from '../../app/webhooks/handler.ts';
import { wakeWebhooks } from '../../app/webhooks/pipeline/wake.ts';
import { createDeliverySender } from './deliveries.ts';
import { until } from './until.ts';
import { startWorld } from './world.ts';

export type WebhookWorld = Awaited<ReturnType<typeof startWebhookWorld>>;

/** Sunday, 21 November 2026. */
export const THEN = 1_795_219_200_000;

let eventIds = 0;

/** A valid event; a new one at each call. */
export function anEvent(fields: Record<string, unknown> = {}) {
  eventIds += 1;
  return {
    eventId: eventIds,
    subscriptionId: 25,
    portalId: 62515,
    appId: 193354,
    occurredAt: THEN + eventIds,
    subscriptionType: 'contact.propertyChange',
    attemptNumber: 0,
    objectId: 101,
    changeSource: 'CRM_UI',
    propertyName: 'phone',
    propertyValue: String(eventIds),
    ...fields,
  };
}

/** A world whose app has these webhook handlers, with a sender of webhooks. */
export async function startWebhookWorld(
  webhookHandlers: readonly AnyWebhookHandler[],
  options: Omit<Parameters<typeof startWorld>[0] & {}, 'webhookHandlers'> = {},
) {
  const world = await startWorld({ worker: true, ...options, webhookHandlers });
  const hubspot = createDeliverySender({ url: world.serverUrl });

  const query = async (sql: string, values: unknown[] = []) => (await world.ctx.pool.query(sql, values)).rows;

  return {
    ...world,
    query,

    /** Sends one delivery; fails unless it is acknowledged. */
    async deliver(events: unknown): Promise<void> {
      const { status, body } = await hubspot.send(events);
      if (status !== 204) throw new Error(`The delivery was answered ${status}: ${body}`);
    },

    /** Waits until every delivery is split and no event is due. */
    async settled(seconds?: number): Promise<void> {
      await until(
        'all events to be settled',
        async () => {
          const [row] = await query(
            `select not exists (select from webhook_deliveries where state = 'waiting')
             and not exists (select from webhook_events e where state = 'waiting'
               and not exists (select from webhook_events held where held.record = e.record and held.state = 'retrying'))
             as settled`,
          );
          return row?.settled;
        },
        seconds,
      );
    },

    /** The events of an object in order of occurrence, as the table shows them. */
    events: (objectId: number) =>
      query(
        `select state, attempts, outages, last_error, run_at, done_at, event from webhook_events
         where record like '%:' || $1 order by occurred_at`,
        [objectId],
      ),

    /** Makes all retries due. */
    async retryNow(): Promise<void> {
      await query(`update webhook_events set run_at = now() where state = 'retrying'`);
      await wakeWebhooks(world.ctx.pool);
    },

    async close() {
      hubspot.close();
      await world.close();
    },
  };
}

/** Runs a test in such a world. */
export async function inWebhookWorld(
  handlers: readonly AnyWebhookHandler[],
  test: (world: WebhookWorld) => Promise<void>,
  options?: Parameters<typeof startWebhookWorld>[1],
): Promise<void> {
  const world = await startWebhookWorld(handlers, options);
  try {
    await test(world);
  } finally {
    await world.close();
  }
}
