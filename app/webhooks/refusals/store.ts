import type { Db } from '../../db/pool.ts';

export interface NewRefusal {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly reason: string;
  readonly finding: string;
  readonly setting: string | undefined;
  readonly bodyBytes: number;
}

/** Refused requests that are alike. */
export interface RefusalGroup {
  readonly lastAt: Date;
  readonly firstAt: Date;
  readonly times: number;
  readonly method: string;
  readonly path: string;
  readonly reason: string;
  readonly finding: string;
  readonly setting: string | null;
}

/** Of those with a setting to change, and of the others: so that a flood of forgeries cannot push out what helps. */
const MOST_OF_A_KIND = 500;

/** Table `webhook_refusals`. */
export const webhookRefusalsStore = {
  /** Adds one and forgets the oldest beyond the bound. */
  async add(db: Db, refusal: NewRefusal): Promise<void> {
    const { method, path, reason, finding, setting, bodyBytes } = refusal;
    await db.query(
      `with added as (
         insert into webhook_refusals (method, path, reason, finding, setting, body_bytes)
         values ($1, $2, $3, $4, $5, $6) returning id
       )
       delete from webhook_refusals where id in (
         select id from webhook_refusals where (setting is null) = ($5::text is null) order by id desc offset $7)`,
      // The one that is being added is not yet among those that are counted.
      [method, path, reason, finding, setting ?? null, bodyBytes, MOST_OF_A_KIND - 1],
    );
  },

  /** Alike ones together, the last first. */
  async groups(db: Db, limit: number): Promise<RefusalGroup[]> {
    const { rows } = await db.query<RefusalGroup>(
      `select max(at) as "lastAt", min(at) as "firstAt", count(*) as times, method, path, reason, finding, setting
       from webhook_refusals group by method, path, reason, finding, setting
       order by max(at) desc limit $1`,
      [limit],
    );
    return rows;
  },
};
