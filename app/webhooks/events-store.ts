import type { Db } from '../db/pool.ts';
import type { WebhookEvent } from './event/event.ts';

export type WebhookEventState = 'waiting' | 'retrying' | 'done' | 'ignored' | 'unknown' | 'dead' | 'erased';

export interface NewWebhookEvent {
  readonly id: string;
  readonly delivery_id: number | null;
  readonly portal_id: number;
  readonly record: string;
  readonly subscription_type: string;
  readonly lane: number;
  /** 0 or 1; lower goes first. */
  readonly priority: number;
  readonly occurred_at: number;
  /** A `WebhookEvent` as JSON. */
  readonly event: string | null;
  readonly state: WebhookEventState;
  /** Why it is not handled. */
  readonly last_error?: string | null;
}

/** An event that is to be handled now. */
export interface PendingEvent {
  readonly id: string;
  readonly record: string;
  readonly event: WebhookEvent;
  /** How often it was tried before. */
  readonly attempts: number;
}

/** HubSpot documents numbers and lists; what came as anything else names no object. */
export const isObjectId = (id: unknown): id is number | string =>
  (typeof id === 'number' && id > 0) || (typeof id === 'string' && /^[1-9]\d*$/.test(id));

const PENDING = 'id, record, event, attempts';
/** A privacy deletion does not wait for events that it is going to erase. */
const NEVER_HELD = `e.subscription_type = 'contact.privacyDeletion'`;
/** Few at a time, so that a normal event that comes meanwhile does not wait for many. */
const MOST_IMPORTS = 50;

/** Table `webhook_events`. */
export const webhookEventsStore = {
  /** Adds the events whose identity is new. @returns how many were. */
  async add(tx: Db, events: readonly NewWebhookEvent[]): Promise<number> {
    if (events.length === 0) return 0;
    // Two workers may add copies of the same events: one order for all, so that they wait and do not deadlock.
    const inOrder = events.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const { rowCount } = await tx.query({
      name: 'add-webhook-events',
      text: `insert into webhook_events
          (id, delivery_id, portal_id, record, subscription_type, lane, priority, occurred_at, event, state, last_error)
        select id, delivery_id, portal_id, record, subscription_type, lane, priority, occurred_at, event::json, state,
          last_error
        from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::smallint[], $7::smallint[],
          $8::bigint[], $9::text[], $10::text[], $11::text[]) as e (id, delivery_id, portal_id, record, subscription_type,
          lane, priority, occurred_at, event, state, last_error)
        on conflict (id) do nothing`,
      values: [
        inOrder.map(({ id }) => id),
        inOrder.map(({ delivery_id }) => delivery_id),
        inOrder.map(({ portal_id }) => portal_id),
        inOrder.map(({ record }) => record),
        inOrder.map(({ subscription_type }) => subscription_type),
        inOrder.map(({ lane }) => lane),
        inOrder.map(({ priority }) => priority),
        inOrder.map(({ occurred_at }) => occurred_at),
        inOrder.map(({ event }) => event),
        inOrder.map(({ state }) => state),
        inOrder.map(({ last_error = null }) => last_error),
      ],
    });
    return rowCount ?? 0;
  },

  /** Of these records, those that have other than import events to be handled. */
  async recordsInFrontLane(tx: Db, records: readonly string[]): Promise<Set<string>> {
    if (records.length === 0) return new Set();
    const { rows } = await tx.query<{ record: string }>(
      `select distinct record from webhook_events
       where record = any($1) and state in ('waiting', 'retrying') and priority = 0`,
      [records],
    );
    return new Set(rows.map(({ record }) => record));
  },

  async hasImports(tx: Db): Promise<boolean> {
    const { rows } = await tx.query(
      `select exists (select from webhook_events where state = 'waiting' and priority = 1)
         or exists (select from webhook_events where state = 'retrying' and priority = 1) as any`,
    );
    return rows[0].any;
  },

  /** A record's events keep their order: where others wait, its imports no longer stand back. */
  async bringForward(tx: Db, records: readonly string[]): Promise<void> {
    await tx.query(
      // One whose row is locked is being handled: it needs no bringing forward, and its handler may take its time.
      `update webhook_events set priority = 0 where id in (
         select id from webhook_events where record = any($1) and state in ('waiting', 'retrying') and priority = 1
         for update skip locked)`,
      [records],
    );
  },

  /**
   * What a lane has to do now: failed events whose time has come, then waiting ones in order, and some imports when
   * there are no others; but none while an earlier one of its record is still to be handled, and none of the
   * records `except`.
   */
  async pending(db: Db, lane: number, limit: number, except: readonly string[]): Promise<PendingEvent[]> {
    for (const [priority, most] of [
      [0, limit],
      [1, Math.min(limit, MOST_IMPORTS)],
    ] as const) {
      const due = await dueEvents(db, lane, priority, most, except);
      const waiting = await waitingEvents(db, lane, priority, most, except);
      if (due.length + waiting.length > 0) return [...due, ...waiting];
    }
    return [];
  },

  /**
   * Holds an event's row in the transaction of its handler.
   * @returns false when it was settled meanwhile, or when an earlier one of its record came.
   */
  async lock(tx: Db, id: string): Promise<boolean> {
    const { rowCount } = await tx.query({
      name: 'lock-webhook-event',
      text: `select from webhook_events e
        where id = $1 and state in ('waiting', 'retrying') and (${NEVER_HELD} or not exists (
          select from webhook_events earlier where earlier.record = e.record
            and earlier.state in ('waiting', 'retrying')
            and (earlier.occurred_at, earlier.id) < (e.occurred_at, e.id)))
        for update of e`,
      values: [id],
    });
    return rowCount === 1;
  },

  async done(db: Db, ids: readonly string[]): Promise<void> {
    await db.query({
      name: 'done-webhook-events',
      text: `update webhook_events set state = 'done', attempts = attempts + 1, run_at = null, done_at = now()
        where id = any($1::uuid[]) and state in ('waiting', 'retrying')`,
      values: [ids],
    });
  },

  /** @param runAt when to try again; undefined parks the event as dead. */
  async failed(db: Db, id: string, error: string, runAt: Date | undefined): Promise<void> {
    await db.query(
      // While it ran, an import was passed over when its record's others asked it to come forward.
      `update webhook_events e set attempts = attempts + 1, last_error = $2, run_at = $3::timestamptz,
         priority = case when priority = 1 and exists (
           select from webhook_events other where other.record = e.record and other.priority = 0
             and other.state in ('waiting', 'retrying')) then 0 else priority end,
         state = case when $3::timestamptz is null then 'dead' else 'retrying' end
       where id = $1 and state in ('waiting', 'retrying')`,
      [id, error.slice(0, 1000).replaceAll('\0', ''), runAt ?? null],
    );
  },

  /** How many of a record's changes of one kind between two times came from this app's own writes and were not kept back. */
  async countOwn(
    db: Db,
    about: {
      readonly record: string;
      readonly subscriptionType: string;
      readonly propertyName: string | undefined;
      readonly from: number;
      readonly to: number;
    },
  ): Promise<number> {
    const { rows } = await db.query<{ events: number }>(
      `select count(*)::int as events from webhook_events
       where record = $1 and subscription_type = $2 and occurred_at > $4 and occurred_at <= $5
         and state in ('waiting', 'retrying', 'done') and event->>'isOwnWrite' = 'true'
         and event->>'propertyName' is not distinct from $3`,
      [about.record, about.subscriptionType, about.propertyName, about.from, about.to],
    );
    return rows[0]?.events ?? 0;
  },

  /** When the lane's next failed event is to be tried again; those that an earlier one of their record holds wait for it. */
  async nextRetry(db: Db, lane: number): Promise<Date | undefined> {
    const { rows } = await db.query<{ at: Date | null }>(
      `select min(run_at) as at from webhook_events e
       where lane = $1 and state = 'retrying' and (${NEVER_HELD} or not exists (
         select from webhook_events earlier where earlier.record = e.record and earlier.state = 'retrying'
           and (earlier.occurred_at, earlier.id) < (e.occurred_at, e.id)))`,
      [lane],
    );
    return rows[0]?.at ?? undefined;
  },

  /** Lanes that have something to do now. */
  async busyLanes(db: Db): Promise<number[]> {
    const { rows } = await db.query<{ lane: number }>(
      `select distinct lane from webhook_events
       where state = 'waiting' or (state = 'retrying' and run_at <= now()) order by lane`,
    );
    return rows.map(({ lane }) => lane);
  },

  /**
   * Waits for the handlers that work on these records' events or on one of `ids`, and holds the events for this
   * transaction, in order of ids. Privacy deletions hold ids only and are left out: one may be waiting for another.
   */
  async lockEvents(tx: Db, records: readonly string[], ids: readonly string[]): Promise<void> {
    await tx.query(
      `select from webhook_events
       where (record = any($1) or id = any($2::uuid[])) and subscription_type <> 'contact.privacyDeletion'
       order by id for update`,
      [records, ids],
    );
  },

  /** Forgets the payloads of a record's events and of `ids`; what was still to be handled is not. @returns how many. */
  async erase(tx: Db, record: string, ids: readonly string[]): Promise<number> {
    const { rowCount } = await tx.query(
      `update webhook_events set event = null, last_error = null, run_at = null,
         state = case when state in ('waiting', 'retrying', 'dead') then 'erased' else state end
       where (record = $1 or id = any($2::uuid[])) and event is not null
         and subscription_type <> 'contact.privacyDeletion'`,
      [record, ids],
    );
    return rowCount ?? 0;
  },

  /** Associations with one of these objects at either end, whatever the types of the objects. */
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

  /** The merges of contacts that a portal's stored events tell of: each the ids of what is one contact since. */
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

  /** The e-mail address that the record had last, as far as its stored events tell. */
  async lastEmailOf(tx: Db, record: string): Promise<string | undefined> {
    const { rows } = await tx.query<{ email: string | null }>(
      `select event->>'propertyValue' as email from webhook_events
       where record = $1 and event->>'propertyName' = 'email' order by occurred_at desc, id desc limit 1`,
      [record],
    );
    return rows[0]?.email || undefined;
  },

  /** Deletes a page of settled events received before `before`. @returns how many. */
  async prune(db: Db, before: Date, limit: number): Promise<number> {
    const { rowCount } = await db.query(
      `delete from webhook_events where id in (
         select id from webhook_events
         where received_at < $1 and state in ('done', 'ignored', 'unknown', 'erased') limit $2)`,
      [before, limit],
    );
    return rowCount ?? 0;
  },
};

async function dueEvents(
  db: Db,
  lane: number,
  priority: 0 | 1,
  limit: number,
  except: readonly string[],
): Promise<PendingEvent[]> {
  const { rows } = await db.query<PendingEvent>({
    name: 'due-webhook-events',
    text: `select ${PENDING} from webhook_events e
      where lane = $1 and priority = $2 and state = 'retrying' and run_at <= now() and record <> all($4)
        and (${NEVER_HELD} or not exists (
          select from webhook_events earlier where earlier.record = e.record
            and earlier.state in ('waiting', 'retrying')
            and (earlier.occurred_at, earlier.id) < (e.occurred_at, e.id)))
      order by run_at limit $3`,
    values: [lane, priority, limit, except],
  });
  return rows;
}

async function waitingEvents(
  db: Db,
  lane: number,
  priority: 0 | 1,
  limit: number,
  except: readonly string[],
): Promise<PendingEvent[]> {
  const { rows } = await db.query<PendingEvent>({
    name: 'waiting-webhook-events',
    text: `select ${PENDING} from webhook_events e
      where lane = $1 and priority = $2 and state = 'waiting' and record <> all($4) and (${NEVER_HELD} or not exists (
        select from webhook_events failed where failed.record = e.record and failed.state = 'retrying'
          and (failed.occurred_at, failed.id) < (e.occurred_at, e.id)))
      order by occurred_at, id limit $3`,
    values: [lane, priority, limit, except],
  });
  return rows;
}
