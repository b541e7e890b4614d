import type { Db } from '../../db/pool.ts';

export interface Reservation {
  /** Start times of the calls, in milliseconds of the database's clock. */
  readonly starts: readonly number[];
  readonly now: number;
  /** When it makes sense to ask for more; null when all were granted. */
  readonly retryAt: number | null;
  /** What `learn` has noted. */
  readonly knownLimit: number | null;
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
      text: `select starts, now_ms, retry_at,
          (select known_limit from call_budgets where portal_id = $1 and lane = $2) as known_limit
        from reserve_calls($1, $2, $3, $4, $5, $6, $7, $8)`,
      values: [portalId, lane, count, limit.calls, limit.windowMs, background, aheadMs, limit.untilAnswered],
    });
    const [{ starts, now_ms: now, retry_at: retryAt, known_limit: knownLimit }] = rows;
    return { starts: starts.map(Number), now, retryAt, knownLimit };
  },

  /** HubSpot has answered the call that was reserved for `start`. */
  async answered(db: Db, portalId: number, lane: string, start: number): Promise<void> {
    await db.query({
      name: 'answer-call',
      text: 'select answer_call($1, $2, $3)',
      values: [portalId, lane, start],
    });
  },

  /** HubSpot's headers name a limit below the setting; null: no longer. */
  async learn(db: Db, portalId: number, lane: string, limit: number | null): Promise<void> {
    await db.query({
      text: `insert into call_budgets (portal_id, lane, known_limit) values ($1, $2, $3)
       on conflict (portal_id, lane) do update set known_limit = excluded.known_limit`,
      values: [portalId, lane, limit],
    });
  },

  /**
   * HubSpot's window is full although our own calls do not fill it: for `waitMs` those of the app's other programs
   * have their turn.
   */
  async yieldToOthers(
    db: Db,
    portalId: number,
    lane: string,
    { calls, windowMs }: BudgetLimit,
    waitMs: number,
  ): Promise<void> {
    await db.query({
      text: `update call_budgets b set not_before = greatest(not_before, at + $5)
       from (select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as at) as now
       where portal_id = $1 and lane = $2
         and (select count(*) from unnest(b.slots) s where s between at - $4::int and at)
           < 0.8 * least($3::int, known_limit)`,
      values: [portalId, lane, calls, windowMs, Math.round(waitMs)],
    });
  },

  /** HubSpot rate-limited a call: no process sends one before the wait is over. */
  async hold(db: Db, portalId: number, lane: string, waitMs: number): Promise<void> {
    await db.query({
      text: `insert into call_budgets (portal_id, lane, not_before)
       values ($1, $2, floor(extract(epoch from clock_timestamp()) * 1000) + $3)
       on conflict (portal_id, lane) do update set not_before = greatest(call_budgets.not_before, excluded.not_before)`,
      values: [portalId, lane, waitMs],
    });
  },
};
