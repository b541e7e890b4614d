import { decrypt, encrypt, type KeyRing } from './key-ring.ts';
import type { Db } from './pool.ts';

export type InstallState = 'active' | 'needs_reconnect' | 'uninstalled';

/** What is known of a portal's install; holds no token. */
export interface Install {
  readonly portalId: number;
  readonly appId: number;
  readonly userId: number | null;
  readonly userEmail: string | null;
  readonly hubDomain: string | null;
  readonly scopes: readonly string[];
  readonly state: InstallState;
  readonly tokenVersion: number;
  readonly accessTokenExpiresAt: Date | null;
  readonly installedAt: Date;
  readonly updatedAt: Date;
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly accessTokenExpiresAt: Date;
}

export type InstallWithTokens = Omit<Install, 'accessTokenExpiresAt'> & Tokens;

export type NewInstall = Pick<
  Install,
  'portalId' | 'appId' | 'userId' | 'userEmail' | 'hubDomain' | 'scopes'
> &
  Tokens;

const COLUMNS = `portal_id as "portalId", app_id as "appId", user_id as "userId", user_email as "userEmail",
  hub_domain as "hubDomain", scopes, state, token_version as "tokenVersion",
  access_token_expires_at as "accessTokenExpiresAt", installed_at as "installedAt", updated_at as "updatedAt"`;

export type InstallsStore = ReturnType<typeof createInstallsStore>;

/** Table `installs`. Tokens are encrypted on the way in and bound to their portal and column. */
export function createInstallsStore(ring: KeyRing) {
  const sealAccess = (portalId: number, token: string) =>
    encrypt(ring, token, boundTo(portalId, 'access_token'));
  const sealRefresh = (portalId: number, token: string) =>
    encrypt(ring, token, boundTo(portalId, 'refresh_token'));

  return {
    /** A reinstall overwrites all of the earlier install. */
    async save(db: Db, install: NewInstall): Promise<void> {
      await db.query(
        `insert into installs (portal_id, app_id, user_id, user_email, hub_domain, scopes, state,
           access_token, refresh_token, access_token_expires_at)
         values ($1, $2, $3, $4, $5, $6, 'active', $7, $8, $9)
         on conflict (portal_id) do update set
           app_id = excluded.app_id, user_id = excluded.user_id, user_email = excluded.user_email,
           hub_domain = excluded.hub_domain, scopes = excluded.scopes, state = 'active',
           access_token = excluded.access_token, refresh_token = excluded.refresh_token,
           access_token_expires_at = excluded.access_token_expires_at,
           token_version = installs.token_version + 1, installed_at = now(), updated_at = now()`,
        [
          install.portalId,
          install.appId,
          install.userId,
          install.userEmail,
          install.hubDomain,
          install.scopes,
          sealAccess(install.portalId, install.accessToken),
          sealRefresh(install.portalId, install.refreshToken),
          install.accessTokenExpiresAt,
        ],
      );
    },

    async find(db: Db, portalId: number): Promise<Install | undefined> {
      const { rows } = await db.query<Install>(`select ${COLUMNS} from installs where portal_id = $1`, [
        portalId,
      ]);
      return rows[0];
    },

    /** The install with its tokens in clear, or undefined when it is unknown or holds none. */
    findWithTokens(db: Db, portalId: number): Promise<InstallWithTokens | undefined> {
      return selectTokens(db, portalId, '');
    },

    /** The same, holding the row's lock until the transaction ends or its connection breaks. */
    lockWithTokens(tx: Db, portalId: number): Promise<InstallWithTokens | undefined> {
      return selectTokens(tx, portalId, 'for update');
    },

    /** Stores refreshed tokens. False, and nothing is written, when the row has moved past `version`. */
    async replaceTokens(db: Db, portalId: number, version: number, tokens: Tokens): Promise<boolean> {
      const { rowCount } = await db.query(
        `update installs set access_token = $3, refresh_token = $4, access_token_expires_at = $5,
           token_version = token_version + 1, updated_at = now()
         where portal_id = $1 and token_version = $2 and state = 'active'`,
        [
          portalId,
          version,
          sealAccess(portalId, tokens.accessToken),
          sealRefresh(portalId, tokens.refreshToken),
          tokens.accessTokenExpiresAt,
        ],
      );
      return rowCount === 1;
    },

    /** Ends an install: its tokens are forgotten, its history of who and when stays. */
    async end(db: Db, portalId: number, state: 'needs_reconnect' | 'uninstalled'): Promise<void> {
      await db.query(
        `update installs set state = $2, access_token = null, refresh_token = null,
           access_token_expires_at = null, token_version = token_version + 1, updated_at = now()
         where portal_id = $1`,
        [portalId, state],
      );
    },

    /**
     * A page of active installs whose access token expires before `before`, soonest first.
     * @param after the last row of the page before this one.
     */
    async expiringBefore(
      db: Db,
      before: Date,
      after: { expiresAt: Date; portalId: number } | undefined,
      limit: number,
    ): Promise<{ expiresAt: Date; portalId: number }[]> {
      const { rows } = await db.query<{ expiresAt: Date; portalId: number }>(
        `select portal_id as "portalId", access_token_expires_at as "expiresAt" from installs
         where state = 'active' and access_token_expires_at < $1
           and ($2::timestamptz is null or (access_token_expires_at, portal_id) > ($2, $3))
         order by access_token_expires_at, portal_id limit $4`,
        [before, after?.expiresAt ?? null, after?.portalId ?? null, limit],
      );
      return rows;
    },
  };

  async function selectTokens(db: Db, portalId: number, lock: '' | 'for update') {
    const { rows } = await db.query<Install & { access_token: string | null; refresh_token: string | null }>(
      `select ${COLUMNS}, access_token, refresh_token from installs where portal_id = $1 ${lock}`,
      [portalId],
    );
    if (!rows[0]) return undefined;
    const { access_token, refresh_token, ...install } = rows[0];
    if (!access_token || !refresh_token || !install.accessTokenExpiresAt) return undefined;
    return {
      ...install,
      accessTokenExpiresAt: install.accessTokenExpiresAt,
      accessToken: decrypt(ring, access_token, boundTo(portalId, 'access_token')),
      refreshToken: decrypt(ring, refresh_token, boundTo(portalId, 'refresh_token')),
    };
  }
}

const boundTo = (portalId: number, column: string) => `installs/${portalId}/${column}`;
