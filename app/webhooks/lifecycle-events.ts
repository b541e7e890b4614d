import type { Db } from '../db/pool.ts';
import { eventIdentity, recordKey } from './event/event.ts';
import type { LifecycleType } from './event/handler-event.ts';
import { webhookEventsStore } from './events-store.ts';
import { laneOf, wakeLanes } from './pipeline/lanes.ts';

/**
 * Stores the event that an install began or ended, in the transaction that changes the install. It is handled like
 * HubSpot's events; HubSpot itself sends no webhook for either.
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
  // One record for all installs of a portal, so that their events are handled in order.
  const record = recordKey(portalId, 'app', portalId);
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
      event: JSON.stringify({ ...event, occurredAt: now }),
      state: 'waiting',
    },
  ]);
  await wakeLanes(tx, [lane]);
}
