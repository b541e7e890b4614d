import type { Db } from '../db/pool.ts';
import { webhooksStore } from '../db/webhooks-store.ts';
import { enqueue } from '../jobs/enqueue.ts';

export type LifecycleType = 'app.installed' | 'app.uninstalled';

/**
 * Tells the handlers in `app/webhooks/` that an install began or ended, once per install, through the same queue as
 * HubSpot's events: HubSpot itself sends no webhook for either. Call it in the transaction that changes the install.
 */
export async function publishLifecycle(
  tx: Db,
  type: LifecycleType,
  portalId: number,
  installId: number,
  now: number,
): Promise<void> {
  const key = `${type}:${installId}`;
  const event = { subscriptionType: type, portalId, objectId: installId, occurredAt: now };
  const isNew = await webhooksStore.addEvent(tx, key, null, event);
  if (isNew) await enqueue(tx, 'handle-webhook-event', { key }, {});
}
