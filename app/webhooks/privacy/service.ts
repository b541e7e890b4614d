import type { Db, Pool } from '../../db/pool.ts';
import { sendNow } from '../../timeline/jobs.ts';
import { timelineEventsStore } from '../../timeline/store.ts';
import { webhookDeliveriesStore } from '../deliveries-store.ts';
import { contactsOfAssociation, recordKey } from '../event/event.ts';
import { isObjectId, webhookEventsStore } from '../events-store.ts';
import { type PrivacyReceipt, privacyReceiptsStore } from './receipts-store.ts';

/** The contact's id and those of all that it was merged with, directly or over others. */
async function samePerson(tx: Db, portalId: number, contactId: string): Promise<Set<string>> {
  const ids = new Set([contactId]);
  const merges = await webhookEventsStore.contactMerges(tx, portalId);
  for (let before = 0; before < ids.size; ) {
    before = ids.size;
    for (const merged of merges) if (merged.some((id) => ids.has(id))) for (const id of merged) ids.add(id);
  }
  return ids;
}

/** Ids of the events of associations with one of these contacts, whichever record they are told from. */
async function associationsOf(tx: Db, portalId: number, contactIds: ReadonlySet<string>): Promise<string[]> {
  const found = await webhookEventsStore.associationsOf(tx, portalId, [...contactIds]);
  return found
    .filter(({ event }) => contactsOfAssociation(event).some((id) => contactIds.has(id)))
    .map(({ id }) => id);
}

export type PrivacyService = ReturnType<typeof createPrivacyService>;

export function createPrivacyService({ pool }: { pool: Pool }) {
  return {
    /**
     * Forgets what this server keeps of a contact: payloads of its webhook events and of its associations' at either
     * end, handled or not, its app events that wait, and what is kept of deliveries because it is no event. Events of
     * the contact that arrive later, from before the deletion, are not stored either. Contacts that were merged with it,
     * as far as stored events tell, are the same person and go with it; each gets its receipt. App events that wait
     * under an address not known to be the contact's are tried at once, which tells.
     * @param tx holds the privacy deletion, so that none is answered twice.
     * @param eventId the privacy deletion itself, which holds ids only and stays. One that is tried again because of
     * another handler erases nothing more and gets no second receipt.
     * @throws when `contactId` is no id: nothing was erased, and somebody should see it.
     */
    async eraseContact(tx: Db, portalId: number, contactId: string, eventId: string): Promise<void> {
      if (!isObjectId(contactId)) throw new Error('The privacy deletion names no contact.');
      if (await privacyReceiptsStore.hasFor(tx, eventId)) return;
      const recordOf = (id: string) => recordKey(portalId, 'contact', id);
      // Handlers of merged contacts may take their time. They are waited for before everybody has to wait for this.
      const ids = await samePerson(tx, portalId, contactId);
      const associations = await associationsOf(tx, portalId, ids);
      await webhookEventsStore.lockEvents(tx, [...ids].map(recordOf), associations);
      await privacyReceiptsStore.beginErasure(tx);
      for (const id of await samePerson(tx, portalId, contactId)) {
        const record = recordOf(id);
        // One that it had before may be another person's by now: HubSpot is asked about those, like any other.
        const email = await webhookEventsStore.lastEmailOf(tx, record);
        await privacyReceiptsStore.add(tx, eventId, portalId, record, {
          timeline_events: await timelineEventsStore.erase(tx, portalId, id, email),
          webhook_events: await webhookEventsStore.erase(
            tx,
            record,
            await associationsOf(tx, portalId, new Set([id])),
          ),
          webhook_deliveries: await webhookDeliveriesStore.eraseMentions(tx, portalId, id),
        });
      }
      await sendNow(tx, await timelineEventsStore.waitingAddressed(tx, portalId));
    },

    receipts: (portalId: number | undefined, limit: number): Promise<PrivacyReceipt[]> =>
      privacyReceiptsStore.list(pool, portalId, limit),
  };
}
