import { byteaArray } from './binary-array.ts';
import type { Db } from './pool.ts';

/** Table `webhook_deliveries`. */
export const webhookDeliveriesStore = {
  /** Stores deliveries in one statement, and so in one commit. */
  async add(db: Db, bodies: readonly Buffer[]): Promise<void> {
    await db.query({
      name: 'add-webhook-deliveries',
      text: 'insert into webhook_deliveries (body) select unnest($1::bytea[])',
      values: [byteaArray(bodies)],
    });
  },

  /** Takes the oldest waiting deliveries for this transaction; another worker's are passed over. */
  async lockWaiting(tx: Db, limit: number): Promise<{ id: number; body: Buffer }[]> {
    const { rows } = await tx.query(
      `select id, body from webhook_deliveries where state = 'waiting' order by id limit $1 for update skip locked`,
      [limit],
    );
    return rows;
  },

  /** The deliveries' events are stored: the bodies go. */
  async settle(
    tx: Db,
    deliveries: readonly { id: number; events: number; problem: string | undefined }[],
  ): Promise<void> {
    await tx.query(
      `update webhook_deliveries d set state = 'done', body = null, events = s.events, problem = s.problem
       from json_to_recordset($1::json) as s (id bigint, events int, problem text) where d.id = s.id`,
      [JSON.stringify(deliveries)],
    );
  },

  /** What came was signed by HubSpot and is no array of events: kept as it is. */
  async reject(tx: Db, id: number, problem: string): Promise<void> {
    await tx.query(`update webhook_deliveries set state = 'rejected', problem = $2 where id = $1`, [
      id,
      problem,
    ]);
  },

  async hasWaiting(db: Db): Promise<boolean> {
    const { rows } = await db.query(
      `select exists (select from webhook_deliveries where state = 'waiting') as waiting`,
    );
    return rows[0].waiting;
  },

  /** For how long the oldest delivery has waited; 0 when none waits. */
  async oldestWaitingSeconds(db: Db): Promise<number> {
    const { rows } = await db.query<{ seconds: number | null }>(
      `select extract(epoch from now() - min(received_at))::int as seconds
       from webhook_deliveries where state = 'waiting'`,
    );
    return rows[0]?.seconds ?? 0;
  },

  /** Forgets rejected bodies that speak of this object. @returns how many. */
  async eraseMentions(tx: Db, portalId: number, objectId: string): Promise<number> {
    const { rowCount } = await tx.query(
      `update webhook_deliveries set body = null, problem = problem || ' (erased)'
       where state = 'rejected' and body is not null
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
