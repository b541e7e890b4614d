import type { Db } from '../db/pool.ts';
import {
  HOLDS_TOKENS,
  INSTALL_COLUMNS,
  type Install,
  type InstallKind,
  type InstallState,
  type NewInstall,
} from './install.ts';
import type { TokenSeal } from './tokens/token-seal.ts';

/** One row of the sweep's list. */
export interface DueInstall {
  readonly portalId: number;
  readonly dueAt: Date;
}

/** A failed refresh: when to retry, and since when HubSpot refuses, which a passing failure does not. */
export interface FailedRefresh {
  readonly dueAt: Date;
  readonly reason: string;
  readonly isRefused: boolean;
}

/** An install whose refreshes HubSpot refuses. */
export interface RefusedInstall {
  readonly portalId: number;
  readonly reason: string;
  readonly since: Date;
  readonly lastSeen: Date;
  readonly failures: number;
}

/** `state_reason` of an install that begins, begins again, or continues with other tokens. */
const REASONS: Readonly<Record<InstallKind, readonly [begun: string, again: string, renewed: string]>> = {
  oauth: ['installed', 'installed again', 'consented again'],
  access_token: ['access token added', 'access token added', 'access token replaced'],
};

export type InstallsStore = ReturnType<typeof createInstallsStore>;

/**
 * Table `installs`, one row per portal. Writers pass the `token_version` that they have read; a row with another
 * version is not changed. The tokens are read and replaced by {@link createTokenStore}.
 */
export function createInstallsStore({ seal }: TokenSeal) {
  return {
    /**
     * Stores the result of a consent, or an operator's access token. Where the install still holds tokens, it stays
     * the same install; otherwise a new one begins.
     */
    async save(db: Db, install: NewInstall): Promise<{ installId: number; begun: boolean }> {
      const { kind = 'oauth' } = install;
      const isOAuth = install.kind !== 'access_token';
      const { rows } = await db.query<{ installId: number; begun: boolean }>(
        `with fresh as materialized (select nextval('install_ids') as install_id)
         insert into installs (portal_id, app_id, user_id, user_email, hub_domain, partner_user, scopes,
           access_token, refresh_token, access_token_expires_at, refresh_due_at, state, install_id, kind,
           state_reason)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'active', install_id, $12, $13 from fresh
         on conflict (portal_id) do update set
           kind = excluded.kind, app_id = excluded.app_id, user_id = excluded.user_id, user_email = excluded.user_email,
           hub_domain = excluded.hub_domain, scopes = excluded.scopes,
           partner_user = coalesce(excluded.partner_user,
             case when installs.access_token is not null then installs.partner_user end),
           access_token = excluded.access_token, refresh_token = excluded.refresh_token,
           access_token_expires_at = excluded.access_token_expires_at, refresh_due_at = excluded.refresh_due_at,
           state = 'active', refresh_failures = 0, refresh_refused_since = null,
           state_reason = case when installs.access_token is null then $14 else $15 end,
           install_id = case when installs.access_token is null then excluded.install_id else installs.install_id end,
           token_version = installs.token_version + 1, installed_at = now(), updated_at = now()
         returning install_id as "installId", install_id = (select install_id from fresh) as begun`,
        [
          install.portalId,
          install.appId,
          install.userId,
          install.userEmail,
          install.hubDomain,
          install.partnerUser,
          install.scopes,
          ...seal(install.portalId, install),
          isOAuth ? install.accessTokenExpiresAt : null,
          isOAuth ? install.refreshDueAt : null,
          kind,
          ...REASONS[kind],
        ],
      );
      const [saved] = rows;
      if (!saved) throw new Error('PostgreSQL stored an install without returning its row.');
      return saved;
    },

    async find(db: Db, portalId: number): Promise<Install | undefined> {
      const { rows } = await db.query<Install>({
        text: `select ${INSTALL_COLUMNS} from installs where portal_id = $1`,
        values: [portalId],
      });
      return rows[0];
    },

    /** A page in order of portal id, after `after`; of one state when it is given. */
    async list(db: Db, after: number, limit: number, state?: InstallState): Promise<Install[]> {
      const { rows } = await db.query<Install>(
        `select ${INSTALL_COLUMNS} from installs where portal_id > $1 and ($3::text is null or state = $3)
         order by portal_id limit $2`,
        [after, limit, state ?? null],
      );
      return rows;
    },

    /** Those of the given portals whose install holds tokens. */
    async connected(db: Db, portalIds: readonly number[]): Promise<number[]> {
      const { rows } = await db.query<{ portalId: number }>(
        'select portal_id as "portalId" from installs where portal_id = any($1::bigint[]) and state = any($2)',
        [portalIds, HOLDS_TOKENS],
      );
      return rows.map(({ portalId }) => portalId);
    },

    /** The installs whose refreshes HubSpot refuses, longest refused first; only that of `portalId` when it is given. */
    async refused(db: Db, limit: number, portalId?: number): Promise<RefusedInstall[]> {
      const { rows } = await db.query<RefusedInstall>(
        `select portal_id as "portalId", state_reason as reason, refresh_refused_since as since,
           updated_at as "lastSeen", refresh_failures as failures
         from installs
         where state = 'backing_off' and refresh_refused_since is not null and ($2::bigint is null or portal_id = $2)
         order by refresh_refused_since limit $1`,
        [limit, portalId ?? null],
      );
      return rows;
    },

    /** Records a failed refresh and when to retry. The tokens stay. @returns false when the row has changed. */
    async backOff(db: Db, portalId: number, version: number, failure: FailedRefresh): Promise<boolean> {
      const { rowCount } = await db.query({
        text: `update installs set state = 'backing_off', state_reason = $4, refresh_due_at = $3,
             refresh_failures = refresh_failures + 1, updated_at = now(),
             refresh_refused_since = case when $5::boolean then
               coalesce(case when state = 'backing_off' then refresh_refused_since end, now()) end
           where portal_id = $1 and token_version = $2 and access_token is not null`,
        values: [portalId, version, failure.dueAt, failure.reason, failure.isRefused],
      });
      return rowCount === 1;
    },

    /**
     * Ends an install: its tokens are deleted, its history stays.
     * @param seen what the caller has read; an install with another id, or with newer tokens, is not ended.
     * @returns the id of the install that held tokens until now; undefined when there was none to end.
     */
    async end(
      db: Db,
      portalId: number,
      seen: { readonly tokenVersion: number } | { readonly installId: number },
      state: 'needs_reconnect' | 'uninstalled',
      reason: string,
    ): Promise<number | undefined> {
      const { rows } = await db.query<{ install_id: number; ended: boolean }>(
        `update installs set state = $3, state_reason = $4, access_token = null, refresh_token = null,
           access_token_expires_at = null, refresh_due_at = null, refresh_refused_since = null,
           token_version = installs.token_version + 1, updated_at = now()
         from (select portal_id, access_token is not null as ended from installs where portal_id = $1 for update) before
         where installs.portal_id = before.portal_id
           and ($2::bigint is null or installs.token_version = $2)
           and ($5::bigint is null or installs.install_id = $5)
         returning installs.install_id, before.ended`,
        [
          portalId,
          'tokenVersion' in seen ? seen.tokenVersion : null,
          state,
          reason,
          'installId' in seen ? seen.installId : null,
        ],
      );
      return rows[0]?.ended ? rows[0].install_id : undefined;
    },

    /** A page of installs whose refresh is due at `now`, longest due first, after the last row of the page before. */
    async due(db: Db, now: Date, after: DueInstall | undefined, limit: number): Promise<DueInstall[]> {
      const { rows } = await db.query<DueInstall>(
        `select portal_id as "portalId", refresh_due_at as "dueAt" from installs
         where refresh_due_at <= $1 and ($2::timestamptz is null or (refresh_due_at, portal_id) > ($2, $3))
         order by refresh_due_at, portal_id limit $4`,
        [now, after?.dueAt ?? null, after?.portalId ?? null, limit],
      );
      return rows;
    },
  };
}
