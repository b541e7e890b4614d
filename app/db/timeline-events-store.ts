import type { AppEventOccurrence } from '../hubspot/timeline.ts';
import type { Db } from './pool.ts';

export type TimelineEventState = 'waiting' | 'sent' | 'refused';

export interface WaitingTimelineEvent {
  readonly occurrence: AppEventOccurrence;
  /** Whether a contact of the portal was erased on a privacy deletion since the event was stored. */
  readonly erasedSince: boolean;
}

/** Table `timeline_events`: outbox of app events, kept before the first try. */
export const timelineEventsStore = {
  /** @returns `waiting` when it is to be sent; `sent` when HubSpot has one with that id. A refused one is replaced. */
  async add(db: Db, portalId: number, occurrence: AppEventOccurrence): Promise<TimelineEventState> {
    const { rows } = await db.query(
      `insert into timeline_events (portal_id, id, occurrence) values ($1, $2, $3)
       on conflict (portal_id, id) do update set
         occurrence = case when timeline_events.state = 'sent' then null else excluded.occurrence end,
         state = case when timeline_events.state = 'sent' then 'sent' else 'waiting' end,
         created_at = now()
       returning state`,
      [portalId, occurrence.id, occurrence],
    );
    return rows[0].state;
  },

  async findWaiting(db: Db, portalId: number, id: string): Promise<WaitingTimelineEvent | undefined> {
    const { rows } = await db.query(
      `select occurrence, exists (
         select from privacy_receipts r where r.portal_id = e.portal_id and r.erased_at > e.created_at) as "erasedSince"
       from timeline_events e where portal_id = $1 and id = $2 and state = 'waiting'`,
      [portalId, id],
    );
    return rows[0];
  },

  /** Ids of a portal's events that wait under an address alone. */
  async waitingAddressed(tx: Db, portalId: number): Promise<string[]> {
    const { rows } = await tx.query<{ id: string }>(
      `select id from timeline_events where portal_id = $1 and state = 'waiting'
         and occurrence->>'objectId' is null and occurrence->>'email' is not null`,
      [portalId],
    );
    return rows.map(({ id }) => id);
  },

  /** A waiting event for this address is for this contact, and no longer holds the address. */
  async nameContact(db: Db, portalId: number, id: string, email: string, contactId: string): Promise<void> {
    await db.query(
      `update timeline_events set occurrence = occurrence - 'email' || jsonb_build_object('objectId', $4::text)
       where portal_id = $1 and id = $2 and state = 'waiting' and occurrence->>'email' = $3`,
      [portalId, id, email, contactId],
    );
  },

  /** Deletes a contact's events that wait; the others keep no content. @returns how many. */
  async erase(tx: Db, portalId: number, contactId: string, email: string | undefined): Promise<number> {
    const { rowCount } = await tx.query(
      `delete from timeline_events where portal_id = $1 and state = 'waiting'
         and (occurrence->>'objectId' = $2 or lower(occurrence->>'email') = lower($3))`,
      [portalId, contactId, email ?? null],
    );
    return rowCount ?? 0;
  },

  /**
   * Deletes a page of events that were sent or refused before `before`; HubSpot knows the ids of sent ones itself. One
   * that waits since a week before has lost its job, which gives up after four days. @returns how many.
   */
  async prune(db: Db, before: Date, limit: number): Promise<number> {
    const { rowCount } = await db.query(
      `delete from timeline_events where (portal_id, id) in (
         select portal_id, id from timeline_events
         where (state <> 'waiting' and coalesce(sent_at, created_at) < $1::timestamptz)
           or created_at < $1::timestamptz - interval '7 days' limit $2)`,
      [before, limit],
    );
    return rowCount ?? 0;
  },

  /** The event is done with; what it says goes. */
  async settle(
    db: Db,
    portalId: number,
    id: string,
    state: 'sent' | 'refused',
    error?: string,
  ): Promise<void> {
    await db.query(
      `update timeline_events set state = $3, last_error = $4, sent_at = case when $3 = 'sent' then now() end,
         occurrence = null
       where portal_id = $1 and id = $2 and state = 'waiting'`,
      [portalId, id, state, error ?? null],
    );
  },
};
