import type { Db } from '../db/pool.ts';
import { eventIdentity, recordKey } from './event/event.ts';
import { webhookEventsStore } from './events-store.ts';
import { laneOf, wakeLanes } from './pipeline/lanes.ts';

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
  // One for the portal's installs together: the end of one is handled before the beginning of the next.
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
