import type { Db } from './pool.ts';

export interface Reservation {
  /** Start times of the calls, in milliseconds of the database's clock. */
  readonly starts: readonly number[];
  readonly now: number;
  /** When it makes sense to ask for more; null when all were granted. */
  readonly retryAt: number | null;
}

export interface BudgetLimit {
  readonly calls: number;
  readonly windowMs: number;
  /** Whether a call's window begins with its answer, which the caller tells, or with its start. */
  readonly untilAnswered: boolean;
}

/** Table `call_budgets`. */
export const callBudgetsStore = {
  async reserve(
    db: Db,
    portalId: number,
    lane: string,
    count: number,
    limit: BudgetLimit,
    background: boolean,
    aheadMs: number,
  ): Promise<Reservation> {
    const { rows } = await db.query({
      name: 'reserve-calls',
      text: 'select starts, now_ms, retry_at from reserve_calls($1, $2, $3, $4, $5, $6, $7, $8)',
      values: [portalId, lane, count, limit.calls, limit.windowMs, background, aheadMs, limit.untilAnswered],
    });
    return { starts: rows[0].starts.map(Number), now: rows[0].now_ms, retryAt: rows[0].retry_at };
  },

  /** HubSpot has answered the call that was reserved for `start`. */
  async answered(db: Db, portalId: number, lane: string, start: number): Promise<void> {
    await db.query({
      name: 'answer-call',
      text: 'select answer_call($1, $2, $3)',
      values: [portalId, lane, start],
    });
  },

  /** HubSpot's headers name another limit than the setting. */
  async learn(db: Db, portalId: number, lane: string, limit: number): Promise<void> {
    await db.query(
      `insert into call_budgets (portal_id, lane, known_limit) values ($1, $2, $3)
       on conflict (portal_id, lane) do update set known_limit = excluded.known_limit`,
      [portalId, lane, limit],
    );
  },

  /** HubSpot refused a call for its rate: no process calls before the wait is over. */
  async hold(db: Db, portalId: number, lane: string, waitMs: number): Promise<void> {
    await db.query(
      `insert into call_budgets (portal_id, lane, not_before)
       values ($1, $2, floor(extract(epoch from clock_timestamp()) * 1000) + $3)
       on conflict (portal_id, lane) do update set not_before = greatest(call_budgets.not_before, excluded.not_before)`,
      [portalId, lane, waitMs],
    );
  },
};
