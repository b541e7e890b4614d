import type { Db } from '../db/pool.ts';
import { clearRefreshRefused } from '../installs/alarms.ts';
import type { InstallsStore } from '../installs/store.ts';
import { eventIdentity, recordKey } from './event/event.ts';
import type { LifecycleType } from './event/handler-event.ts';
import { webhookEventsStore } from './events-store.ts';
import { laneOf, wakeLanes } from './pipeline/lanes.ts';

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

type End = InstallsStore['end'];

/**
 * Ends an install: forgets its tokens and tells the handlers, in the transaction `tx`.
 * @param end.seen what the caller knows of it; a newer install of the portal, or newer tokens, are left alone.
 * @returns false when there was nothing to end.
 */
export async function endInstall(
  tx: Db,
  installs: InstallsStore,
  portalId: number,
  end: { seen: Parameters<End>[2]; state: Parameters<End>[3]; reason: string; now: number },
): Promise<boolean> {
  const ended = await installs.end(tx, portalId, end.seen, end.state, end.reason);
  if (ended === undefined) return false;
  await publishLifecycle(tx, 'app.uninstalled', portalId, ended, end.now);
  await clearRefreshRefused(tx, portalId);
  return true;
}
