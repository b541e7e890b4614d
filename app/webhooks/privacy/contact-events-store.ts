import type { Db } from '../../db/pool.ts';
import type { WebhookEvent } from '../event/event.ts';

/** Other values name no object. */
export const isObjectId = (id: unknown): id is number | string =>
  (typeof id === 'number' && id > 0) || (typeof id === 'string' && /^[1-9]\d*$/.test(id));

/** Table `webhook_events`, for the erasure of a contact. */
export const contactEventsStore = {
  /**
   * Locks the events of these records and the events `ids`, sorted, once no handler works on them. Leaves out privacy
   * deletions: they contain ids only, and one may be waiting for another.
   */
  async lockEvents(tx: Db, records: readonly string[], ids: readonly string[]): Promise<void> {
    await tx.query(
      `select from webhook_events
       where (record = any($1) or id = any($2::uuid[])) and subscription_type <> 'contact.privacyDeletion'
       order by id for update`,
      [records, ids],
    );
  },

  /** Deletes the payloads of a record's events and of `ids`, which are then never handled. @returns how many. */
  async erase(tx: Db, record: string, ids: readonly string[]): Promise<number> {
    const { rowCount } = await tx.query(
      `with results as (
         delete from webhook_steps where event_id in (
           select id from webhook_events where record = $1 or id = any($2::uuid[])))
       update webhook_events set event = null, last_error = null, run_at = null,
         state = case when state in ('waiting', 'retrying', 'dead') then 'erased' else state end
       where (record = $1 or id = any($2::uuid[])) and event is not null
         and subscription_type <> 'contact.privacyDeletion'`,
      [record, ids],
    );
    return rowCount ?? 0;
  },

  /** Associations with one of these objects at either end, of any object type. */
  async associationsOf(
    tx: Db,
    portalId: number,
    objectIds: readonly string[],
  ): Promise<{ id: string; event: WebhookEvent }[]> {
    const { rows } = await tx.query(
      `select id, event from webhook_events
       where portal_id = $1 and subscription_type like '%.associationChange' and event is not null
         and (left(event->>'fromObjectId', 100) = any($2) or left(event->>'toObjectId', 100) = any($2))`,
      [portalId, objectIds],
    );
    return rows;
  },

  /** The merges of contacts in a portal's stored events: for each the ids that became one contact. */
  async contactMerges(tx: Db, portalId: number): Promise<string[][]> {
    const { rows } = await tx.query<{ event: WebhookEvent }>(
      `select event from webhook_events
       where portal_id = $1 and subscription_type in ('contact.merge', 'object.merge') and event is not null
         and coalesce(event->>'objectTypeId', '0-1') = '0-1'`,
      [portalId],
    );
    return rows.map(({ event: { objectId, primaryObjectId, newObjectId, mergedObjectIds } }) =>
      [objectId, primaryObjectId, newObjectId, mergedObjectIds].flat().filter(isObjectId).map(String),
    );
  },

  /** The latest e-mail address in the record's stored events. */
  async lastEmailOf(tx: Db, record: string): Promise<string | undefined> {
    const { rows } = await tx.query<{ email: string | null }>(
      `select event->>'propertyValue' as email from webhook_events
       where record = $1 and event->>'propertyName' = 'email' order by occurred_at desc, id desc limit 1`,
      [record],
    );
    return rows[0]?.email || undefined;
  },
};
