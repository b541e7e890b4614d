import type { Db } from '../db/pool.ts';

export interface PartnerState {
  /** The vendor's user who signed in. */
  readonly user: string;
  /** Hash of the cookie of the browser that the user signed in with. */
  readonly browserHash: Buffer;
}

export interface StoredState {
  readonly isUsed: boolean;
  readonly expiresAt: Date;
  /** Null for a state of our own flow. */
  readonly partnerUser: string | null;
  readonly browserHash: Buffer | null;
}

/** Table `oauth_states`: hashes of the states that were used, and of those that were issued to a signed-in user. */
export const oauthStatesStore = {
  async addPartner(
    db: Db,
    hash: Buffer,
    expiresAt: Date,
    { user, browserHash }: PartnerState,
  ): Promise<void> {
    await db.query(
      `insert into oauth_states (state_hash, expires_at, flow, partner_user, browser_hash)
       values ($1, $2, 'partner', $3, $4)`,
      [hash, expiresAt, user, browserHash],
    );
  },

  async find(db: Db, hash: Buffer): Promise<StoredState | undefined> {
    const { rows } = await db.query<StoredState>(
      `select used_at is not null as "isUsed", expires_at as "expiresAt", partner_user as "partnerUser",
         browser_hash as "browserHash"
       from oauth_states where state_hash = $1`,
      [hash],
    );
    return rows[0];
  },

  /** Marks a state as used, in the transaction that stores its install. @returns false when it was used before. */
  async use(tx: Db, hash: Buffer, expiresAt: Date, now: Date): Promise<boolean> {
    const { rowCount } = await tx.query(
      `insert into oauth_states (state_hash, expires_at, used_at) values ($1, $2, $3)
       on conflict (state_hash) do update set used_at = excluded.used_at where oauth_states.used_at is null`,
      [hash, expiresAt, now],
    );
    return rowCount === 1;
  },

  /** Deletes a page of states that expired before `before`. @returns the number of deleted rows. */
  async prune(db: Db, before: Date, limit: number): Promise<number> {
    const { rowCount } = await db.query(
      `delete from oauth_states where state_hash in (
         select state_hash from oauth_states where expires_at < $1 limit $2)`,
      [before, limit],
    );
    return rowCount ?? 0;
  },
};
