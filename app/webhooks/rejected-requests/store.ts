import type { Db } from '../../db/pool.ts';

export interface NewRejectedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly reason: string;
  readonly finding: string;
  readonly setting: string | undefined;
  readonly bodyBytes: number;
}

/** Equal rejected requests. */
export interface RejectedRequestGroup {
  readonly lastAt: Date;
  readonly firstAt: Date;
  readonly times: number;
  readonly method: string;
  readonly path: string;
  readonly reason: string;
  readonly finding: string;
  readonly setting: string | null;
}

/**
 * The limit for requests with a setting to change and, separately, for the others, so that forged requests cannot evict
 * helpful ones.
 */
const MOST_OF_A_KIND = 500;

/** Table `webhook_refusals`. */
export const rejectedRequestsStore = {
  /** Evicts the oldest request over the limit. */
  async add(db: Db, request: NewRejectedRequest): Promise<void> {
    const { method, path, reason, finding, setting, bodyBytes } = request;
    await db.query(
      `with added as (
         insert into webhook_refusals (method, path, reason, finding, setting, body_bytes)
         values ($1, $2, $3, $4, $5, $6) returning id
       )
       delete from webhook_refusals where id in (
         select id from webhook_refusals where (setting is null) = ($5::text is null) order by id desc offset $7)`,
      // The subquery does not see the added request yet.
      [method, path, reason, finding, setting ?? null, bodyBytes, MOST_OF_A_KIND - 1],
    );
  },

  /** Latest first. */
  async groups(db: Db, limit: number): Promise<RejectedRequestGroup[]> {
    const { rows } = await db.query<RejectedRequestGroup>(
      `select max(at) as "lastAt", min(at) as "firstAt", count(*) as times, method, path, reason, finding, setting
       from webhook_refusals group by method, path, reason, finding, setting
       order by max(at) desc limit $1`,
      [limit],
    );
    return rows;
  },
};
