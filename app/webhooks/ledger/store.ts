import type { Db } from '../../db/pool.ts';
import type { WebhookEvent } from '../event/event.ts';
import type { WebhookEventState } from '../events-store.ts';

/** Which events; what is left out does not matter. */
export interface EventFilter {
  readonly eventId?: string | undefined;
  readonly deliveryId?: number | undefined;
  readonly portalId?: number | undefined;
  /** `type:object` of a record, in any portal. */
  readonly object?: string | undefined;
  /** `portal:type:object` */
  readonly record?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly states?: readonly WebhookEventState[] | undefined;
  /** Of their receipt. */
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

/** An event without what it says. */
export interface EventSummary {
  readonly id: string;
  readonly delivery: number | null;
  readonly portal: number;
  readonly record: string;
  readonly type: string;
  readonly state: WebhookEventState;
  readonly attempts: number;
  /** Milliseconds since 1970. */
  readonly occurredAt: number;
  readonly received: Date;
  readonly done: Date | null;
  readonly nextAttempt: Date | null;
  readonly lastError: string | null;
  /** Forgotten on a privacy deletion. */
  readonly erased: boolean;
}

/** An event as replay and drop need it. */
export interface LedgerEvent {
  readonly id: string;
  readonly record: string;
  readonly type: string;
  readonly state: WebhookEventState;
  readonly lane: number;
  readonly priority: number;
  readonly event: WebhookEvent | null;
}

export type DeliveryState = 'waiting' | 'done' | 'rejected';

export interface DeliverySummary {
  readonly id: number;
  readonly received: Date;
  readonly state: DeliveryState;
  /** Null until it was split. */
  readonly events: number | null;
  /** Null when the body is no longer kept. */
  readonly bytes: number | null;
  readonly problem: string | null;
}

export interface DeliveryFilter {
  readonly id?: number | undefined;
  readonly states?: readonly DeliveryState[] | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

const SUMMARY = `id, delivery_id as delivery, portal_id as portal, record, subscription_type as type, state, attempts,
  occurred_at as "occurredAt", received_at as received, done_at as done, run_at as "nextAttempt",
  last_error as "lastError", event is null as erased`;

const MATCHES = `($1::uuid is null or id = $1) and ($2::bigint is null or delivery_id = $2)
  and ($3::bigint is null or portal_id = $3) and ($4::text is null or record = $4)
  and ($5::text is null or substr(record, strpos(record, ':') + 1) = $5)
  and ($6::text[] is null or subscription_type = any($6)) and ($7::text[] is null or state = any($7))
  and ($8::timestamptz is null or received_at >= $8) and ($9::timestamptz is null or received_at < $9)`;

const valuesOf = (filter: EventFilter) => [
  filter.eventId ?? null,
  filter.deliveryId ?? null,
  filter.portalId ?? null,
  filter.record ?? null,
  filter.object ?? null,
  filter.types ?? null,
  filter.states ?? null,
  filter.since ?? null,
  filter.until ?? null,
];

const DELIVERY = 'id, received_at as received, state, events, octet_length(body) as bytes, problem';

/** Tables `webhook_events` and `webhook_deliveries`, as operators look at them. */
export const webhookLedgerStore = {
  /** Newest first. */
  async list(db: Db, filter: EventFilter, limit: number): Promise<EventSummary[]> {
    const { rows } = await db.query<EventSummary>(
      `select ${SUMMARY} from webhook_events where ${MATCHES} order by received_at desc, id limit $10`,
      [...valuesOf(filter), limit],
    );
    return rows;
  },

  async find(db: Db, id: string): Promise<(EventSummary & { event: WebhookEvent | null }) | undefined> {
    const { rows } = await db.query(`select ${SUMMARY}, event from webhook_events where id = $1`, [id]);
    return rows[0];
  },

  async count(db: Db, filter: EventFilter): Promise<number> {
    const { rows } = await db.query<{ count: number }>(
      `select count(*) from webhook_events where ${MATCHES}`,
      valuesOf(filter),
    );
    return rows[0]?.count ?? 0;
  },

  /** The next records, in their order, that have such events. */
  async recordsAfter(db: Db, filter: EventFilter, after: string, limit: number): Promise<string[]> {
    const { rows } = await db.query<{ record: string }>(
      `select distinct record from webhook_events where ${MATCHES} and record > $10 order by record limit $11`,
      [...valuesOf(filter), after, limit],
    );
    return rows.map(({ record }) => record);
  },

  /** Such events of these records. */
  async eventsOf(db: Db, filter: EventFilter, records: readonly string[]): Promise<LedgerEvent[]> {
    const { rows } = await db.query<LedgerEvent>(
      `select id, record, subscription_type as type, state, lane, priority, event from webhook_events
       where ${MATCHES} and record = any($10) order by id`,
      [...valuesOf(filter), records],
    );
    return rows;
  },

  /** The same, held for this transaction; those that a handler works on right now are left out. */
  async lockEventsOf(tx: Db, filter: EventFilter, records: readonly string[]): Promise<LedgerEvent[]> {
    const { rows } = await tx.query<LedgerEvent>(
      `select id, record, subscription_type as type, state, lane, priority, event from webhook_events
       where ${MATCHES} and record = any($10) order by id for update skip locked`,
      [...valuesOf(filter), records],
    );
    return rows;
  },

  /** To be handled as if for the first time. */
  async replay(tx: Db, events: readonly Pick<LedgerEvent, 'id' | 'priority'>[]): Promise<void> {
    await tx.query(
      `update webhook_events e set state = 'waiting', priority = r.priority, attempts = 0, last_error = null,
         run_at = null, done_at = null
       from unnest($1::uuid[], $2::smallint[]) as r (id, priority) where e.id = r.id`,
      [events.map(({ id }) => id), events.map(({ priority }) => priority)],
    );
  },

  /** Not to be handled. */
  async drop(tx: Db, ids: readonly string[], reason: string): Promise<void> {
    await tx.query(
      `update webhook_events set state = 'ignored', last_error = $2, run_at = null, done_at = now()
       where id = any($1::uuid[])`,
      [ids, reason],
    );
  },

  /** Newest first. */
  async listDeliveries(db: Db, filter: DeliveryFilter, limit: number): Promise<DeliverySummary[]> {
    const { rows } = await db.query<DeliverySummary>(
      `select ${DELIVERY} from webhook_deliveries
       where ($1::bigint is null or id = $1) and ($2::text[] is null or state = any($2))
         and ($3::timestamptz is null or received_at >= $3) and ($4::timestamptz is null or received_at < $4)
       order by id desc limit $5`,
      [filter.id ?? null, filter.states ?? null, filter.since ?? null, filter.until ?? null, limit],
    );
    return rows;
  },

  async findDelivery(db: Db, id: number): Promise<(DeliverySummary & { body: Buffer | null }) | undefined> {
    const { rows } = await db.query(`select ${DELIVERY}, body from webhook_deliveries where id = $1`, [id]);
    return rows[0];
  },
};
