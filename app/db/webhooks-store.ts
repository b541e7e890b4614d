import type { WebhookEvent } from '../services/webhook-event.ts';
import type { Db } from './pool.ts';

/** Tables `webhook_deliveries` and `webhook_events`. */
export const webhooksStore = {
  async addDelivery(db: Db, body: Buffer): Promise<void> {
    await db.query('insert into webhook_deliveries (body) values ($1)', [body]);
  },

  /** Takes the oldest waiting deliveries for this transaction; another worker's are passed over. */
  async lockWaiting(tx: Db, limit: number): Promise<{ id: number; body: Buffer }[]> {
    const { rows } = await tx.query(
      `select id, body from webhook_deliveries where state = 'waiting' order by id limit $1 for update skip locked`,
      [limit],
    );
    return rows;
  },

  async settleDelivery(
    tx: Db,
    id: number,
    state: 'done' | 'rejected',
    problem: string | undefined,
  ): Promise<void> {
    await tx.query('update webhook_deliveries set state = $2, problem = $3 where id = $1', [
      id,
      state,
      problem,
    ]);
  },

  /** @param deliveryId null for events of our own. @returns false when an event of this identity is known already. */
  async addEvent(tx: Db, key: string, deliveryId: number | null, event: WebhookEvent): Promise<boolean> {
    const { rowCount } = await tx.query(
      `insert into webhook_events (event_key, delivery_id, portal_id, event) values ($1, $2, $3, $4)
       on conflict (event_key) do nothing`,
      [key, deliveryId, event.portalId, event],
    );
    return rowCount === 1;
  },

  /** Counts an attempt and gives the event, unless it is settled. */
  async beginAttempt(db: Db, key: string): Promise<WebhookEvent | undefined> {
    const { rows } = await db.query(
      `update webhook_events set attempts = attempts + 1 where event_key = $1 and state = 'waiting' returning event`,
      [key],
    );
    return rows[0]?.event;
  },

  async settleEvent(db: Db, key: string): Promise<void> {
    await db.query(`update webhook_events set state = 'done', done_at = now() where event_key = $1`, [key]);
  },

  async noteFailure(db: Db, key: string, error: string, dead: boolean): Promise<void> {
    await db.query(
      `update webhook_events set last_error = $2, state = case when $3 then 'dead' else state end where event_key = $1`,
      [key, error, dead],
    );
  },
};
