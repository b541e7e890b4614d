import { defineHandler } from '../handler.ts';
import type { PrivacyService } from './service.ts';

export const ERASE_CONTACT = 'erase-contact';

/**
 * Deletes what this server stores of a person when HubSpot sends a privacy deletion, and keeps a receipt. Runs before
 * the vendor's handlers of the event, in a transaction of its own, so that their failures do not undo it.
 */
export const eraseContact = (privacy: Pick<PrivacyService, 'eraseContact'>) =>
  defineHandler({
    name: ERASE_CONTACT,
    on: 'contact.privacyDeletion',
    handle: async ({ portalId, objectId }, { db, eventId }) =>
      privacy.eraseContact(db, Number(portalId), objectId, eventId),
  });
