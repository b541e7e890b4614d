import type { Db } from '../db/pool.ts';
import type { AppEventOccurrence } from '../hubspot/apis/timeline.ts';

/** HubSpot keeps ids apart by portal and event type. */
export interface TimelineEventKey {
  readonly portalId: number;
  /** Fully qualified name. */
  readonly eventType: string;
  readonly id: string;
}

export interface WaitingTimelineEvent {
  readonly occurrence: AppEventOccurrence;
  readonly createdAt: Date;
}

const KEY = `portal_id as "portalId", event_type as "eventType", id`;

/** Table `timeline_events`: the outbox of app events. An event is stored before the first attempt to send it. */
export const timelineEventsStore = {
  /**
   * Replaces an event that HubSpot refused; any other stored event stays as it is.
   * @param content.cause the webhook event whose handler sends it.
   * @returns `waiting` when it has to be sent, `sent` when HubSpot has it already, `differs` when other content was
   * accepted under the same key.
   */
  async add(
    tx: Db,
    key: TimelineEventKey,
    content: {
      readonly occurrence: AppEventOccurrence;
      readonly digest: Buffer;
      readonly cause?: string | undefined;
    },
  ): Promise<'waiting' | 'sent' | 'differs'> {
    const { rows } = await tx.query(
      `insert into timeline_events as e (portal_id, event_type, id, occurrence, content_digest, cause)
       values ($1, $2, $3, $4, $5, $6)
       on conflict (portal_id, event_type, id) do update set
         occurrence = case when e.state = 'sent' then null else excluded.occurrence end,
         content_digest = case when e.state = 'sent' then e.content_digest else excluded.content_digest end,
         cause = case when e.state = 'sent' then e.cause else excluded.cause end,
         state = case when e.state = 'sent' then 'sent' else 'waiting' end,
         last_error = null,
         created_at = now()
       where e.state = 'refused' or e.content_digest is null or e.content_digest = excluded.content_digest
       returning state`,
      [...valuesOf(key), content.occurrence, content.digest, content.cause],
    );
    return rows[0]?.state ?? 'differs';
  },

  /** @param tx the transaction in which `add` returned `differs`. */
  async accepted(
    tx: Db,
    key: TimelineEventKey,
  ): Promise<{ state: 'waiting' | 'sent'; cause: string | null } | undefined> {
    const { rows } = await tx.query(
      `select state, cause from timeline_events where portal_id = $1 and event_type = $2 and id = $3`,
      valuesOf(key),
    );
    return rows[0];
  },

  async findWaiting(db: Db, key: TimelineEventKey): Promise<WaitingTimelineEvent | undefined> {
    const { rows } = await db.query(
      `select occurrence, created_at as "createdAt" from timeline_events
       where portal_id = $1 and event_type = $2 and id = $3 and state = 'waiting'`,
      valuesOf(key),
    );
    return rows[0];
  },

  /** A portal's waiting events with this id, of every event type. */
  async waitingWithId(db: Db, portalId: number, id: string): Promise<TimelineEventKey[]> {
    const { rows } = await db.query<TimelineEventKey>(
      `select ${KEY} from timeline_events where portal_id = $1 and id = $2 and state = 'waiting'`,
      [portalId, id],
    );
    return rows;
  },

  /** A portal's waiting events that name their contact by e-mail address only. */
  async waitingAddressed(tx: Db, portalId: number): Promise<TimelineEventKey[]> {
    const { rows } = await tx.query<TimelineEventKey>(
      `select ${KEY} from timeline_events where portal_id = $1 and state = 'waiting'
         and occurrence->>'objectId' is null and occurrence->>'email' is not null`,
      [portalId],
    );
    return rows;
  },

  async waitingPortals(db: Db): Promise<number[]> {
    const { rows } = await db.query<{ portalId: number }>(
      `select distinct portal_id as "portalId" from timeline_events where state = 'waiting'`,
    );
    return rows.map(({ portalId }) => portalId);
  },

  /** A page of these portals' waiting events, in the order of their keys. */
  async waitingAfter(
    db: Db,
    portalIds: readonly number[],
    after: TimelineEventKey | undefined,
    limit: number,
  ): Promise<TimelineEventKey[]> {
    const { rows } = await db.query<TimelineEventKey>(
      `select ${KEY} from timeline_events
       where state = 'waiting' and portal_id = any($5::bigint[])
         and ($1::bigint is null or (portal_id, event_type, id) > ($1, $2, $3))
       order by portal_id, event_type, id limit $4`,
      [after?.portalId, after?.eventType, after?.id, limit, portalIds],
    );
    return rows;
  },

  /** Replaces the e-mail address of a waiting event by the id of its contact. */
  async nameContact(db: Db, key: TimelineEventKey, email: string, contactId: string): Promise<void> {
    await db.query(
      `update timeline_events set occurrence = occurrence - '{email,utk}'::text[] || jsonb_build_object('objectId', $5::text)
       where portal_id = $1 and event_type = $2 and id = $3 and state = 'waiting' and occurrence->>'email' = $4`,
      [...valuesOf(key), email, contactId],
    );
  },

  /** Deletes a contact's waiting events; events in other states have no content. @returns how many. */
  async erase(tx: Db, portalId: number, contactId: string, email: string | undefined): Promise<number> {
    const { rowCount } = await tx.query(
      `delete from timeline_events where portal_id = $1 and state = 'waiting'
         and (occurrence->>'objectId' = $2 or lower(occurrence->>'email') = lower($3))`,
      [portalId, contactId, email ?? null],
    );
    return rowCount ?? 0;
  },

  /** Deletes a page of events that were sent or refused before `before`. @returns how many. */
  async prune(db: Db, before: Date, limit: number): Promise<number> {
    const { rowCount } = await db.query(
      `delete from timeline_events where (portal_id, event_type, id) in (
         select portal_id, event_type, id from timeline_events
         where state <> 'waiting' and coalesce(sent_at, created_at) < $1 limit $2)`,
      [before, limit],
    );
    return rowCount ?? 0;
  },

  /** Also deletes the content. */
  async markSent(db: Db, key: TimelineEventKey): Promise<void> {
    await db.query(
      `update timeline_events set state = 'sent', sent_at = now(), occurrence = null, last_error = null
       where portal_id = $1 and event_type = $2 and id = $3`,
      valuesOf(key),
    );
  },

  /** Also deletes the content. Does nothing when another event has taken its place. */
  async markRefused(
    db: Db,
    key: TimelineEventKey,
    occurrence: AppEventOccurrence,
    why: string,
  ): Promise<void> {
    await db.query(
      `update timeline_events set state = 'refused', last_error = $5, occurrence = null
       where portal_id = $1 and event_type = $2 and id = $3 and state = 'waiting' and occurrence = $4::jsonb`,
      [...valuesOf(key), occurrence, why],
    );
  },

  async noteFailure(db: Db, key: TimelineEventKey, why: string): Promise<void> {
    await db.query(
      `update timeline_events set last_error = $4
       where portal_id = $1 and event_type = $2 and id = $3 and state = 'waiting'`,
      [...valuesOf(key), why],
    );
  },
};

const valuesOf = ({ portalId, eventType, id }: TimelineEventKey) => [portalId, eventType, id];
