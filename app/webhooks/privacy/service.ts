import type { Db, Pool } from '../../db/pool.ts';
import type { TimelineService } from '../../timeline/index.ts';
import { webhookDeliveriesStore } from '../deliveries-store.ts';
import { contactsOfAssociation, recordKey } from '../event/event.ts';
import { contactEventsStore, isObjectId } from './contact-events-store.ts';
import { type PrivacyReceipt, privacyReceiptsStore } from './receipts-store.ts';

export type PrivacyService = ReturnType<typeof createPrivacyService>;

interface Dependencies {
  pool: Pool;
  timeline: Pick<TimelineService, 'eraseContact' | 'retryAddressed'>;
}

export function createPrivacyService({ pool, timeline }: Dependencies) {
  return {
    /**
     * Deletes what this server stores of a contact: payloads of its webhook events and of its associations, its waiting
     * app events, and kept bodies of deliveries that mention it. Contacts that were merged with it, as far as stored
     * events show, are the same person: they are erased too, with a receipt each. Events from before the deletion that
     * arrive later are not stored. App events for an address that may be the contact's are retried, which looks up
     * whose address it is.
     * @param tx holds the lock of the privacy deletion, so that each is answered once.
     * @param eventId the privacy deletion, which contains ids only and stays. When it is retried because another handler
     * failed, nothing is erased again.
     * @throws when `contactId` is not an id. Nothing was erased.
     */
    async eraseContact(tx: Db, portalId: number, contactId: string, eventId: string): Promise<void> {
      if (!isObjectId(contactId)) throw new Error('The privacy deletion names no contact.');
      if (await privacyReceiptsStore.hasFor(tx, eventId)) return;
      const recordOf = (id: string) => recordKey(portalId, 'contact', id);
      // Handlers of merged contacts may take long, so they end before the lock that everybody waits for.
      const ids = await samePerson(tx, portalId, contactId);
      const associations = await associationsOf(tx, portalId, ids);
      await contactEventsStore.lockEvents(tx, [...ids].map(recordOf), associations);
      await privacyReceiptsStore.beginErasure(tx);
      for (const id of await samePerson(tx, portalId, contactId)) {
        const record = recordOf(id);
        // Only the latest address: an earlier one may belong to another person now.
        const email = await contactEventsStore.lastEmailOf(tx, record);
        await privacyReceiptsStore.add(tx, eventId, portalId, record, {
          timeline_events: await timeline.eraseContact(tx, portalId, id, email),
          webhook_events: await contactEventsStore.erase(
            tx,
            record,
            await associationsOf(tx, portalId, new Set([id])),
          ),
          webhook_deliveries: await webhookDeliveriesStore.eraseMentions(tx, portalId, id),
        });
      }
      await timeline.retryAddressed(tx, portalId);
    },

    receipts: (portalId: number | undefined, limit: number): Promise<PrivacyReceipt[]> =>
      privacyReceiptsStore.list(pool, portalId, limit),
  };
}

/** Whether a contact of the portal was erased after `since`. */
export const hasErasedSince = (db: Db, portalId: number, since: Date): Promise<boolean> =>
  privacyReceiptsStore.hasSince(db, portalId, since);

/** The ids of the contact and of all contacts that it was merged with, directly or indirectly. */
async function samePerson(tx: Db, portalId: number, contactId: string): Promise<Set<string>> {
  const ids = new Set([contactId]);
  const merges = await contactEventsStore.contactMerges(tx, portalId);
  for (let before = 0; before < ids.size; ) {
    before = ids.size;
    for (const merged of merges) if (merged.some((id) => ids.has(id))) for (const id of merged) ids.add(id);
  }
  return ids;
}

/** Ids of the association events with one of these contacts at either end. */
async function associationsOf(tx: Db, portalId: number, contactIds: ReadonlySet<string>): Promise<string[]> {
  const found = await contactEventsStore.associationsOf(tx, portalId, [...contactIds]);
  return found
    .filter(({ event }) => contactsOfAssociation(event).some((id) => contactIds.has(id)))
    .map(({ id }) => id);
}
