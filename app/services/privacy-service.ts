import type { Db, Pool } from '../db/pool.ts';
import { type PrivacyReceipt, privacyReceiptsStore } from '../db/privacy-receipts-store.ts';
import { timelineEventsStore } from '../db/timeline-events-store.ts';
import { webhookDeliveriesStore } from '../db/webhook-deliveries-store.ts';
import { webhookEventsStore } from '../db/webhook-events-store.ts';
import { recordKey } from './webhook-event.ts';

export type PrivacyService = ReturnType<typeof createPrivacyService>;

export function createPrivacyService({ pool }: { pool: Pool }) {
  return {
    /**
     * Forgets what this server keeps of a contact: payloads of its webhook events, handled or not, its app events
     * that wait or were refused, and rejected deliveries that speak of it. Deliveries that were split keep no body.
     * Events of the contact that arrive later, from before the deletion, are not stored either.
     * @param eventId the privacy deletion itself, which holds ids only and stays.
     */
    async eraseContact(tx: Db, portalId: number, contactId: string, eventId: string): Promise<void> {
      await privacyReceiptsStore.beginErasure(tx);
      const record = recordKey(portalId, 'contact', contactId);
      const emails = await webhookEventsStore.emailsOf(tx, record);
      await privacyReceiptsStore.add(tx, portalId, record, {
        timeline_events: await timelineEventsStore.erase(tx, portalId, contactId, emails),
        webhook_events: await webhookEventsStore.erase(tx, record, eventId),
        webhook_deliveries: await webhookDeliveriesStore.eraseMentions(tx, portalId, contactId),
      });
    },

    receipts: (portalId: number | undefined, limit: number): Promise<PrivacyReceipt[]> =>
      privacyReceiptsStore.list(pool, portalId, limit),
  };
}
