import type { Db } from '../db/pool.ts';
import { webhookEventsStore } from '../db/webhook-events-store.ts';
import { eventIdentity, recordOf } from './webhook-event.ts';
import { laneOf, wakeLanes } from './webhook-lanes.ts';

export type LifecycleType = 'app.installed' | 'app.uninstalled';

/**
 * Tells the handlers in `app/webhooks/` that an install began or ended, once per install, through the same lanes as
 * HubSpot's events: HubSpot itself sends no webhook for either. Call it in the transaction that changes the install.
 */
export async function publishLifecycle(
  tx: Db,
  subscriptionType: LifecycleType,
  portalId: number,
  installId: number,
  now: number,
): Promise<void> {
  const event = { subscriptionType, portalId, objectId: installId };
  const id = eventIdentity(event);
  const record = recordOf(event, id);
  const lane = laneOf(record);
  await webhookEventsStore.add(tx, [
    {
      id,
      record,
      lane,
      delivery_id: null,
      portal_id: portalId,
      subscription_type: subscriptionType,
      priority: 0,
      occurred_at: now,
      event: { ...event, occurredAt: now },
      state: 'waiting',
    },
  ]);
  await wakeLanes(tx, [lane]);
}
