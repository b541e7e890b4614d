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
  /** Why it will not be handled. */
  readonly last_error?: string | null;
}

/** An event that is due. */
export interface PendingEvent {
  readonly id: string;
  readonly record: string;
  readonly event: WebhookEvent;
  /** Previous attempts. */
  readonly attempts: number;
  /** Those of them that do not count. */
  readonly outages: number;
}

const PENDING = 'id, record, event, attempts, outages';
/** A privacy deletion does not wait for earlier events of its record, because it erases them. */
const IS_INDEPENDENT = `e.subscription_type = 'contact.privacyDeletion'`;
/** Few at a time, because a normal event that arrives meanwhile waits for them. */
const MOST_IMPORTS = 50;

/** Table `webhook_events`. */
export const webhookEventsStore = {
  /** Adds the events whose identity is new. @returns how many were. */
  async add(tx: Db, events: readonly NewWebhookEvent[]): Promise<number> {
    if (events.length === 0) return 0;
    // Sorted, so that two workers that add copies of the same events cannot deadlock.
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

  /** Those of these records that have unhandled events of normal priority. */
  async recordsWithNormalPriority(tx: Db, records: readonly string[]): Promise<Set<string>> {
    if (records.length === 0) return new Set();
    const { rows } = await tx.query<{ record: string }>(
      `select distinct record from webhook_events
       where record = any($1) and state in ('waiting', 'retrying') and priority = 0`,
      [records],
    );
    return new Set(rows.map(({ record }) => record));
  },

  /** Whether any unhandled event has low priority. */
  async hasLowPriority(tx: Db): Promise<boolean> {
    const { rows } = await tx.query(
      `select exists (select from webhook_events where state = 'waiting' and priority = 1)
         or exists (select from webhook_events where state = 'retrying' and priority = 1) as any`,
    );
    return rows[0].any;
  },

  /** Gives the unhandled imports of these records normal priority, so that a record's events keep their order. */
  async promote(tx: Db, records: readonly string[]): Promise<void> {
    await tx.query(
      // A locked event is being handled: it needs no promotion, and its handler may take long.
      `update webhook_events set priority = 0 where id in (
         select id from webhook_events where record = any($1) and state in ('waiting', 'retrying') and priority = 1
         for update skip locked)`,
      [records],
    );
  },

  /**
   * The due events of a lane: retries first, then new events in order, and imports only when there is nothing else.
   * Leaves out events that have to wait for an earlier one of their record, and the records `except`.
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
   * Locks an event in the transaction of its handler.
   * @returns false when it has been settled, or an earlier event of its record has arrived.
   */
  async lock(tx: Db, id: string): Promise<boolean> {
    const { rowCount } = await tx.query({
      name: 'lock-webhook-event',
      text: `select from webhook_events e
        where id = $1 and state in ('waiting', 'retrying') and (${IS_INDEPENDENT} or not exists (
          select from webhook_events earlier where earlier.record = e.record
            and earlier.state in ('waiting', 'retrying')
            and (earlier.occurred_at, earlier.id) < (e.occurred_at, e.id)))
        for update of e`,
      values: [id],
    });
    return rowCount === 1;
  },

  /** Whether an event of the record was stored since a time. */
  async hasSince(db: Db, record: string, since: Date): Promise<boolean> {
    const { rows } = await db.query<{ exists: boolean }>(
      'select exists (select from webhook_events where record = $1 and received_at >= $2) as exists',
      [record, since],
    );
    return rows[0]?.exists ?? false;
  },

  async done(db: Db, ids: readonly string[]): Promise<void> {
    await db.query({
      name: 'done-webhook-events',
      text: `update webhook_events set state = 'done', attempts = attempts + 1, run_at = null, done_at = now()
        where id = any($1::uuid[]) and state in ('waiting', 'retrying')`,
      values: [ids],
    });
  },

  /** @param runAt when to retry; undefined makes the event a dead letter. */
  async failed(
    db: Db,
    id: string,
    error: string,
    { runAt, isOutage }: { readonly runAt: Date | undefined; readonly isOutage: boolean },
  ): Promise<void> {
    await db.query(
      // An import that was being handled could not be promoted with the others of its record.
      `update webhook_events e set attempts = attempts + 1, outages = outages + $4::int, last_error = $2, run_at = $3::timestamptz,
         priority = case when priority = 1 and exists (
           select from webhook_events other where other.record = e.record and other.priority = 0
             and other.state in ('waiting', 'retrying')) then 0 else priority end,
         state = case when $3::timestamptz is null then 'dead' else 'retrying' end
       where id = $1 and state in ('waiting', 'retrying')`,
      [id, error.slice(0, 1000).replaceAll('\0', ''), runAt ?? null, isOutage ? 1 : 0],
    );
  },

  /** How many changes of one kind between two times this app made to a record itself, without ignored events. */
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

  /** When the next retry of the lane is due. */
  async nextRetry(db: Db, lane: number): Promise<Date | undefined> {
    const { rows } = await db.query<{ at: Date | null }>(
      `select min(run_at) as at from webhook_events e
       where lane = $1 and state = 'retrying' and (${IS_INDEPENDENT} or not exists (
         select from webhook_events earlier where earlier.record = e.record and earlier.state = 'retrying'
           and (earlier.occurred_at, earlier.id) < (e.occurred_at, e.id)))`,
      [lane],
    );
    return rows[0]?.at ?? undefined;
  },

  /** Lanes with due events. */
  async busyLanes(db: Db): Promise<number[]> {
    const { rows } = await db.query<{ lane: number }>(
      `select distinct lane from webhook_events
       where state = 'waiting' or (state = 'retrying' and run_at <= now()) order by lane`,
    );
    return rows.map(({ lane }) => lane);
  },

  /** Deletes a page of settled events received before `before`, and the steps of their handlers. @returns how many. */
  async prune(db: Db, before: Date, limit: number): Promise<number> {
    const { rowCount } = await db.query(
      `with pruned as (
         delete from webhook_events where id in (
           select id from webhook_events
           where received_at < $1 and state in ('done', 'ignored', 'unknown', 'erased') limit $2)
         returning id),
       steps as (delete from webhook_steps where event_id in (select id from pruned))
       select from pruned`,
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
        and (${IS_INDEPENDENT} or not exists (
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
      where lane = $1 and priority = $2 and state = 'waiting' and record <> all($4) and (${IS_INDEPENDENT} or not exists (
        select from webhook_events failed where failed.record = e.record and failed.state = 'retrying'
          and (failed.occurred_at, failed.id) < (e.occurred_at, e.id)))
      order by occurred_at, id limit $3`,
    values: [lane, priority, limit, except],
  });
  return rows;
}
