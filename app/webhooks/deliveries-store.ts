import type { Db } from '../db/pool.ts';

export interface SettledDelivery {
  readonly id: number;
  /** Events that were found. */
  readonly events: number;
  readonly problem: string | undefined;
  /** What in it is no event: kept in place of the body. */
  readonly rest: Buffer | undefined;
}

export interface RejectedDelivery {
  readonly id: number;
  readonly problem: string;
  /** Its body, which is kept; undefined when that is not to be. */
  readonly rest: Buffer | undefined;
}

export interface WaitingDeliveries {
  readonly oldestId: number;
  readonly newestId: number;
  /** For how long the oldest has waited. */
  readonly oldestMs: number;
}

/** What is taken at once. */
export interface Portion {
  /** How many deliveries at the most. */
  readonly limit: number;
  /** No further one is taken once these bytes are reached; one may be larger. */
  readonly bytes: number;
  /** The first and last id of those that this process has taken just before. */
  readonly except: readonly [first: number, last: number];
}

/** Table `webhook_deliveries`. */
export const webhookDeliveriesStore = {
  /**
   * Stores deliveries in one statement, and so in one commit. Their bytes go as one parameter, which the driver sends
   * as they are; it writes arrays of buffers as hexadecimal text, up to 3.7 times slower (bench: bodies).
   */
  async add(db: Db, bodies: readonly Buffer[]): Promise<void> {
    let next = 1;
    const starts = bodies.map(({ length }) => {
      next += length;
      return next - length;
    });
    await db.query({
      name: 'add-webhook-deliveries',
      text: `insert into webhook_deliveries (body) select substring($1::bytea from start for length)
        from unnest($2::int[], $3::int[]) as delivery (start, length)`,
      values: [Buffer.concat(bodies), starts, bodies.map(({ length }) => length)],
    });
  },

  /** Takes the oldest waiting deliveries for this transaction; another worker's are passed over. */
  async lockWaiting(
    tx: Db,
    { limit, bytes, except: [first, last] }: Portion,
  ): Promise<{ id: number; body: Buffer }[]> {
    const { rows } = await tx.query({
      name: 'lock-webhook-deliveries',
      // Measured first: what is locked and then left waiting would be passed over by the next round.
      text: `select d.id, d.body
        from (select id, sum(size) over (order by id) - size as before
          from (select id, octet_length(body) as size from webhook_deliveries
            where state = 'waiting' and (id < $3 or id > $4) order by id limit $1) as oldest) as measured
        join webhook_deliveries d using (id)
        where before < $2 and d.state = 'waiting' order by d.id for update of d skip locked`,
      values: [limit, bytes, first, last],
    });
    return rows;
  },

  /** The deliveries' events are stored: the bodies go, but for what is no event. */
  async settle(tx: Db, deliveries: readonly SettledDelivery[]): Promise<void> {
    const rows = deliveries.map(({ rest, ...delivery }) => ({ ...delivery, rest: rest?.toString('base64') }));
    await tx.query(
      // One that was read again has events already.
      `update webhook_deliveries d set state = 'done', body = decode(s.rest, 'base64'), problem = s.problem,
         events = coalesce(d.events, 0) + s.events
       from json_to_recordset($1::json) as s (id bigint, events int, problem text, rest text) where d.id = s.id`,
      [JSON.stringify(rows)],
    );
  },

  /** What is kept of a settled delivery because it is no event, held for this transaction. */
  async lockKept(tx: Db, id: number): Promise<Buffer | undefined> {
    const { rows } = await tx.query<{ body: Buffer }>(
      `select body from webhook_deliveries where id = $1 and state <> 'waiting' and body is not null for update`,
      [id],
    );
    return rows[0]?.body;
  },

  /** To be split again. */
  async unsettle(tx: Db, id: number): Promise<void> {
    await tx.query(`update webhook_deliveries set state = 'waiting', problem = null where id = $1`, [id]);
  },

  /** What came was signed by HubSpot and is no array of events: kept as it is. */
  async reject(tx: Db, { id, problem, rest }: RejectedDelivery): Promise<void> {
    await tx.query(
      `update webhook_deliveries set state = 'rejected', problem = $2, body = case when $3 then body end where id = $1`,
      [id, problem, rest !== undefined],
    );
  },

  /** What waits to be split; undefined when nothing does. */
  async waiting(db: Db): Promise<WaitingDeliveries | undefined> {
    const { rows } = await db.query<WaitingDeliveries>({
      name: 'waiting-webhook-deliveries',
      text: `select oldest.id as "oldestId", newest.id as "newestId",
          (extract(epoch from clock_timestamp() - oldest.received_at) * 1000)::float as "oldestMs"
        from (select id, received_at from webhook_deliveries where state = 'waiting' order by id limit 1) oldest,
          (select id from webhook_deliveries where state = 'waiting' order by id desc limit 1) newest`,
    });
    return rows[0];
  },

  /** For how long the oldest delivery has waited; 0 when none waits. */
  async oldestWaitingSeconds(db: Db): Promise<number> {
    const { rows } = await db.query<{ seconds: number | null }>(
      `select extract(epoch from now() - min(received_at))::int as seconds
       from webhook_deliveries where state = 'waiting'`,
    );
    return rows[0]?.seconds ?? 0;
  },

  /** Forgets what is kept because it is no event and speaks of this object. @returns how many deliveries. */
  async eraseMentions(tx: Db, portalId: number, objectId: string): Promise<number> {
    const { rowCount } = await tx.query(
      `update webhook_deliveries set body = null, problem = problem || ' (erased)'
       where state <> 'waiting' and body is not null
         and position(convert_to($1, 'UTF8') in body) > 0 and position(convert_to($2, 'UTF8') in body) > 0`,
      [String(portalId), objectId],
    );
    return rowCount ?? 0;
  },

  /** Deletes a page of settled deliveries received before `before`. @returns how many. */
  async prune(db: Db, before: Date, limit: number): Promise<number> {
    const { rowCount } = await db.query(
      `delete from webhook_deliveries where id in (
         select id from webhook_deliveries where received_at < $1 and state <> 'waiting' limit $2)`,
      [before, limit],
    );
    return rowCount ?? 0;
  },
};
