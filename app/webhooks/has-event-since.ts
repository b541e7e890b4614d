import type { Db } from '../db/pool.ts';
import { recordKeyOfType } from './event/event.ts';
import { webhookEventsStore } from './events-store.ts';

/**
 * Whether an event of a record has arrived since a time.
 * @param record.objectType in upper case, such as CONTACT, or a type id such as 2-1234.
 */
export const hasEventSince = (
  db: Db,
  { portalId, objectType, objectId }: { portalId: number; objectType: string; objectId: string },
  since: Date,
): Promise<boolean> =>
  webhookEventsStore.hasSince(db, recordKeyOfType(portalId, objectType, objectId), since);
