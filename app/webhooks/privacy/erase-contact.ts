import { defineHandler } from '../handler.ts';
import type { PrivacyService } from './service.ts';

/**
 * A person asked HubSpot to delete their data: what this server keeps of them goes too, and a receipt stays. Runs
 * before your own handlers of this event and commits apart from them, so that it does not wait for one that fails.
 */
export const eraseContact = (privacy: Pick<PrivacyService, 'eraseContact'>) =>
  defineHandler({
    name: 'erase-contact',
    on: 'contact.privacyDeletion',
    handle: (event, { db, eventId }) =>
      privacy.eraseContact(db, event.portalId, String(event.objectId), eventId),
  });
