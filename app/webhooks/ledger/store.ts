import type { Db } from '../../db/pool.ts';
import type { WebhookEvent } from '../event/event.ts';
import type { WebhookEventState } from '../events-store.ts';

/** Which events; all conditions are optional. */
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
  /** Bounds of the time of receipt. */
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

/** An event without its payload. */
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
  /** Whether a privacy deletion erased its payload. */
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
  /** Null before it was split. */
  readonly events: number | null;
  /** Null when the body was deleted. */
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

/** The SQL of an event filter. Its parameters follow `given`, which the statement uses as `$1`, `$2`, … */
function eventsThat(filter: EventFilter, ...given: readonly unknown[]): Condition {
  const { eventId, deliveryId, portalId, record, object, types, states, since, until } = filter;
  return allOf(given, [
    [(at) => `id = ${at}::uuid`, eventId],
    [(at) => `delivery_id = ${at}::bigint`, deliveryId],
    [(at) => `portal_id = ${at}::bigint`, portalId],
    [(at) => `record = ${at}`, record],
    [(at) => `substr(record, strpos(record, ':') + 1) = ${at}`, object],
    [(at) => `subscription_type = any(${at}::text[])`, types],
    [(at) => `state = any(${at}::text[])`, states],
    [(at) => `received_at >= ${at}`, since],
    [(at) => `received_at < ${at}`, until],
  ]);
}

function deliveriesThat(
  { id, states, since, until }: DeliveryFilter,
  ...given: readonly unknown[]
): Condition {
  return allOf(given, [
    [(at) => `id = ${at}::bigint`, id],
    [(at) => `state = any(${at}::text[])`, states],
    [(at) => `received_at >= ${at}`, since],
    [(at) => `received_at < ${at}`, until],
  ]);
}

interface Condition {
  readonly matches: string;
  readonly values: unknown[];
}

/** Joins the conditions whose value is not undefined. */
function allOf(
  given: readonly unknown[],
  conditions: readonly (readonly [sql: (parameter: string) => string, value: unknown])[],
): Condition {
  const set = conditions.filter(([, value]) => value !== undefined);
  return {
    matches: ['true', ...set.map(([sql], index) => sql(`$${given.length + index + 1}`))].join(' and '),
    values: [...given, ...set.map(([, value]) => value)],
  };
}

const LEDGER_EVENT = 'id, record, subscription_type as type, state, lane, priority, event';

const DELIVERY = 'id, received_at as received, state, events, octet_length(body) as bytes, problem';

/** Tables `webhook_events` and `webhook_deliveries`, for operators. */
export const webhookLedgerStore = {
  /** Newest first. */
  async list(db: Db, filter: EventFilter, limit: number): Promise<EventSummary[]> {
    const { matches, values } = eventsThat(filter, limit);
    const { rows } = await db.query<EventSummary>(
      `select ${SUMMARY} from webhook_events where ${matches} order by received_at desc, id limit $1`,
      values,
    );
    return rows;
  },

  async find(db: Db, id: string): Promise<(EventSummary & { event: WebhookEvent | null }) | undefined> {
    const { rows } = await db.query(`select ${SUMMARY}, event from webhook_events where id = $1`, [id]);
    return rows[0];
  },

  async count(db: Db, filter: EventFilter): Promise<number> {
    const { matches, values } = eventsThat(filter);
    const { rows } = await db.query<{ count: number }>(
      `select count(*) from webhook_events where ${matches}`,
      values,
    );
    return rows[0]?.count ?? 0;
  },

  /** The next page of records with such events. */
  async recordsAfter(db: Db, filter: EventFilter, after: string, limit: number): Promise<string[]> {
    const { matches, values } = eventsThat(filter, after, limit);
    const { rows } = await db.query<{ record: string }>(
      `select distinct record from webhook_events where ${matches} and record > $1 order by record limit $2`,
      values,
    );
    return rows.map(({ record }) => record);
  },

  async eventsOf(db: Db, filter: EventFilter, records: readonly string[]): Promise<LedgerEvent[]> {
    const { matches, values } = eventsThat(filter, records);
    const { rows } = await db.query<LedgerEvent>(
      `select ${LEDGER_EVENT} from webhook_events where ${matches} and record = any($1) order by id`,
      values,
    );
    return rows;
  },

  /** The same with locks; skips events that are being handled. */
  async lockEventsOf(tx: Db, filter: EventFilter, records: readonly string[]): Promise<LedgerEvent[]> {
    const { matches, values } = eventsThat(filter, records);
    const { rows } = await tx.query<LedgerEvent>(
      `select ${LEDGER_EVENT} from webhook_events where ${matches} and record = any($1) order by id
       for update skip locked`,
      values,
    );
    return rows;
  },

  /** Lets events be handled again, as if they were new. Steps of events that failed are not repeated. */
  async replay(tx: Db, events: readonly Pick<LedgerEvent, 'id' | 'priority'>[]): Promise<void> {
    await tx.query(
      `with forgotten as (
         delete from webhook_steps s using webhook_events e
         where s.event_id = any($1::uuid[]) and e.id = s.event_id and e.state in ('done', 'ignored'))
       update webhook_events e set state = 'waiting', priority = r.priority, attempts = 0, outages = 0, last_error = null,
         run_at = null, done_at = null
       from unnest($1::uuid[], $2::smallint[]) as r (id, priority) where e.id = r.id`,
      [events.map(({ id }) => id), events.map(({ priority }) => priority)],
    );
  },

  /** Settles events as ignored. */
  async drop(tx: Db, ids: readonly string[], reason: string): Promise<void> {
    await tx.query(
      `update webhook_events set state = 'ignored', last_error = $2, run_at = null, done_at = now()
       where id = any($1::uuid[])`,
      [ids, reason],
    );
  },

  /** Newest first. */
  async listDeliveries(db: Db, filter: DeliveryFilter, limit: number): Promise<DeliverySummary[]> {
    const { matches, values } = deliveriesThat(filter, limit);
    const { rows } = await db.query<DeliverySummary>(
      `select ${DELIVERY} from webhook_deliveries where ${matches} order by id desc limit $1`,
      values,
    );
    return rows;
  },

  async findDelivery(db: Db, id: number): Promise<(DeliverySummary & { body: Buffer | null }) | undefined> {
    const { rows } = await db.query(`select ${DELIVERY}, body from webhook_deliveries where id = $1`, [id]);
    return rows[0];
  },
};
