import type { Db } from './pool.ts';

/** `own`: begun at /install. `partner`: begun in HubSpot's marketplace and signed in on our page. */
export type InstallFlow = 'own' | 'partner';

export interface PartnerState {
  /** The vendor's user who signed in. */
  readonly user: string;
  /** Hash of the cookie of the browser that the user signed in with. */
  readonly browserHash: Buffer;
}

/** What became of a state that came back: taken by this call, or why it cannot be. */
export type StateOutcome =
  | { readonly taken: true; readonly partnerUser: string | null; readonly browserHash: Buffer | null }
  | { readonly taken: false; readonly reason: 'used' | 'expired' | 'unknown' };

/** Table `oauth_states`: hashes of the states that are on their way to HubSpot and back. */
export const oauthStatesStore = {
  async add(db: Db, hash: Buffer, expiresAt: Date, partner?: PartnerState): Promise<void> {
    await db.query(
      `insert into oauth_states (state_hash, expires_at, flow, partner_user, browser_hash)
       values ($1, $2, $3, $4, $5)`,
      [hash, expiresAt, partner ? 'partner' : 'own', partner?.user ?? null, partner?.browserHash ?? null],
    );
  },

  /**
   * Uses a state up. Of two calls at the same moment exactly one takes it.
   * @param flows those that the state may be of; one of another flow is unknown.
   */
  async take(db: Db, hash: Buffer, flows: readonly InstallFlow[], now: Date): Promise<StateOutcome> {
    const taken = await db.query(
      `update oauth_states set used_at = $3
       where state_hash = $1 and flow = any($2) and used_at is null and expires_at > $3
       returning partner_user, browser_hash`,
      [hash, flows, now],
    );
    const [row] = taken.rows;
    if (row) return { taken: true, partnerUser: row.partner_user, browserHash: row.browser_hash };
    const { rows } = await db.query(
      'select used_at from oauth_states where state_hash = $1 and flow = any($2)',
      [hash, flows],
    );
    if (!rows[0]) return { taken: false, reason: 'unknown' };
    return { taken: false, reason: rows[0].used_at ? 'used' : 'expired' };
  },

  /** Forgets what expired before `before`. */
  async prune(db: Db, before: Date): Promise<void> {
    await db.query('delete from oauth_states where expires_at < $1', [before]);
  },
};
