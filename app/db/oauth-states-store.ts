import type { Db } from './pool.ts';

/** What became of a state that came back: `taken` by this call, or why it cannot be. */
export type StateOutcome = 'taken' | 'used' | 'expired' | 'unknown';

/** Table `oauth_states`: hashes of the states that are on their way to HubSpot and back. */
export const oauthStatesStore = {
  async add(db: Db, hash: Buffer, expiresAt: Date): Promise<void> {
    await db.query('insert into oauth_states (state_hash, expires_at) values ($1, $2)', [hash, expiresAt]);
  },

  /** Uses a state up. Of two calls at the same moment exactly one gets `taken`. */
  async take(db: Db, hash: Buffer, now: Date): Promise<StateOutcome> {
    const taken = await db.query(
      `update oauth_states set used_at = $2 where state_hash = $1 and used_at is null and expires_at > $2`,
      [hash, now],
    );
    if (taken.rowCount === 1) return 'taken';
    const { rows } = await db.query('select used_at from oauth_states where state_hash = $1', [hash]);
    if (!rows[0]) return 'unknown';
    return rows[0].used_at ? 'used' : 'expired';
  },

  /** Forgets what expired before `before`. */
  async prune(db: Db, before: Date): Promise<void> {
    await db.query('delete from oauth_states where expires_at < $1', [before]);
  },
};
