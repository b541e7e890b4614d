import { DecryptionError, decrypt, encrypt, type KeyRing } from '../db/key-ring.ts';
import { type Db, type Pool, takingLong } from '../db/pool.ts';

/**
 * `active` and `backing_off` (HubSpot did not refresh the token; it will be tried again) hold tokens,
 * `needs_reconnect` (HubSpot ended the install) and `uninstalled` (we did) hold none.
 */
export const INSTALL_STATES = ['active', 'backing_off', 'needs_reconnect', 'uninstalled'] as const;
export type InstallState = (typeof INSTALL_STATES)[number];

/**
 * `oauth`: the account consented, and its access token is refreshed. `access_token`: the operator gave the token of a
 * private app or a service key, which does not expire and is not refreshed.
 */
export type InstallKind = 'oauth' | 'access_token';

/** What is known of a portal's install; holds no token. */
export interface Install {
  readonly portalId: number;
  readonly kind: InstallKind;
  /** Grows with each reinstall of a portal; to consent again is none. */
  readonly installId: number;
  readonly appId: number;
  readonly userId: number | null;
  readonly userEmail: string | null;
  readonly hubDomain: string | null;
  /** The vendor's user who connected the portal through the sign-in page. */
  readonly partnerUser: string | null;
  /** Scopes that HubSpot granted. */
  readonly scopes: readonly string[];
  readonly state: InstallState;
  readonly stateReason: string;
  readonly refreshFailures: number;
  readonly tokenVersion: number;
  readonly accessTokenExpiresAt: Date | null;
  readonly refreshDueAt: Date | null;
  /** When the customer last consented. */
  readonly installedAt: Date;
  readonly updatedAt: Date;
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly accessTokenExpiresAt: Date;
  /** When the sweep should refresh. */
  readonly refreshDueAt: Date;
}

export type InstallWithTokens = Omit<Install, keyof Tokens | 'kind'> & Tokens & { readonly kind: 'oauth' };

/** Its token neither expires nor is refreshed. */
export type InstallWithAccessToken = Omit<Install, 'kind'> & {
  readonly kind: 'access_token';
  readonly accessToken: string;
};

export type OpenInstall = InstallWithTokens | InstallWithAccessToken;

export type SealedInstall = Install & {
  readonly sealedAccess: string | null;
  readonly sealedRefresh: string | null;
};

/** New tokens, and the version of those that they were got with. */
export interface RefreshedTokens {
  readonly portalId: number;
  readonly tokenVersion: number;
  readonly tokens: Tokens;
}

export type NewInstall = (
  | (Tokens & { readonly kind?: 'oauth' })
  | { readonly kind: 'access_token'; readonly accessToken: string }
) &
  Pick<Install, 'portalId' | 'appId' | 'userId' | 'userEmail' | 'hubDomain' | 'partnerUser' | 'scopes'>;

export interface HistoryEntry {
  readonly at: Date;
  readonly installId: number;
  readonly fromState: InstallState | 'refreshing' | null;
  readonly toState: InstallState | 'refreshing';
  readonly reason: string;
  /** The row is about a refresh that left the install as it was; such rows are kept for some days only. */
  readonly routine: boolean;
}

/** A refresh of an install's token begins, or ended without a change to its row. */
export interface RefreshNote {
  readonly install: Pick<Install, 'portalId' | 'tokenVersion'>;
  readonly toState: InstallState | 'refreshing';
  readonly reason: string;
}

/** One row of the sweep's list. */
export interface DueInstall {
  readonly portalId: number;
  readonly dueAt: Date;
}

/** `state_reason` of an install that begins, begins again, or goes on with other tokens. */
const REASONS: Readonly<Record<InstallKind, readonly [begun: string, again: string, renewed: string]>> = {
  oauth: ['installed', 'installed again', 'consented again'],
  access_token: ['access token added', 'access token added', 'access token replaced'],
};

const COLUMNS = `portal_id as "portalId", kind, install_id as "installId", app_id as "appId", user_id as "userId",
  user_email as "userEmail", hub_domain as "hubDomain", partner_user as "partnerUser", scopes, state,
  state_reason as "stateReason", refresh_failures as "refreshFailures", token_version as "tokenVersion",
  access_token_expires_at as "accessTokenExpiresAt", refresh_due_at as "refreshDueAt",
  installed_at as "installedAt", updated_at as "updatedAt"`;

const WITH_TOKENS = `${COLUMNS}, access_token as "sealedAccess", refresh_token as "sealedRefresh"`;

/** Some value is under another key than `$key`. */
const OLDER_KEY = `access_token is not null
  and (split_part(access_token, '.', 2) <> $key or split_part(refresh_token, '.', 2) <> $key)`;

/** Locks the rows of $1 by portal id before many are updated: two such statements never wait for each other's. */
const IN_ORDER = `with in_order as (
  select portal_id from installs where portal_id = any($1::bigint[]) order by portal_id for no key update)`;

/** It reads every install. */
const KEY_USE_MS = 60_000;

export type InstallsStore = ReturnType<typeof createInstallsStore>;

/**
 * Tables `installs` and `install_history`. Tokens are encrypted on the way in, bound to their portal and column.
 * Writers say which `token_version` they have seen; a row that has moved on is left alone.
 */
export function createInstallsStore(ring: KeyRing) {
  return {
    /**
     * Stores what a consent or an operator gave. Over an install that holds tokens that is the same install, whose
     * customer has consented again; over one that has ended, or none, an install begins.
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
           state = 'active', refresh_failures = 0,
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
      if (!saved) throw new Error('PostgreSQL stored an install and did not say which.');
      return saved;
    },

    async find(db: Db, portalId: number): Promise<Install | undefined> {
      const { rows } = await db.query<Install>({
        text: `select ${COLUMNS} from installs where portal_id = $1`,
        values: [portalId],
      });
      return rows[0];
    },

    /** Those of these portals whose install is connected. */
    async connectedAmong(db: Db, portalIds: readonly number[]): Promise<number[]> {
      const { rows } = await db.query<{ portalId: number }>(
        `select portal_id as "portalId" from installs
         where portal_id = any($1::bigint[]) and state not in ('needs_reconnect', 'uninstalled')`,
        [portalIds],
      );
      return rows.map(({ portalId }) => portalId);
    },

    /** A page of installs in order of portal id, after `after`; of one state where that is given. */
    async list(db: Db, after: number, limit: number, state?: InstallState): Promise<Install[]> {
      const { rows } = await db.query<Install>(
        `select ${COLUMNS} from installs where portal_id > $1 and ($3::text is null or state = $3)
         order by portal_id limit $2`,
        [after, limit, state ?? null],
      );
      return rows;
    },

    /** Oldest first. */
    async history(db: Db, portalId: number): Promise<HistoryEntry[]> {
      const { rows } = await db.query<HistoryEntry>(
        `select at, install_id as "installId", from_state as "fromState", to_state as "toState", reason, routine
         from install_history where portal_id = $1 order by id`,
        [portalId],
      );
      return rows;
    },

    /** Adds to the history what no change of a row tells; an install that has moved on gets no row. */
    async noteRefreshes(db: Db, notes: readonly RefreshNote[]): Promise<void> {
      await db.query({
        name: 'note-refreshes',
        // Locked, so that the note of a refresh never comes after the row that tells of the install's end.
        text: `with unchanged as (
             select portal_id, install_id, token_version from installs
             where (portal_id, token_version) in (select * from unnest($1::bigint[], $2::bigint[]))
             order by portal_id for share)
           insert into install_history (portal_id, install_id, from_state, to_state, reason, routine)
           select portal_id, install_id,
             (select to_state from install_history before where before.portal_id = unchanged.portal_id
              order by id desc limit 1),
             to_state, reason, true
           from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])
             as note (portal_id, token_version, to_state, reason)
             join unchanged using (portal_id, token_version)`,
        values: [
          notes.map(({ install }) => install.portalId),
          notes.map(({ install }) => install.tokenVersion),
          notes.map(({ toState }) => toState),
          notes.map(({ reason }) => reason),
        ],
      });
    },

    /** Deletes a page of routine history from before `before`. @returns how many rows. */
    async pruneHistory(db: Db, before: Date, limit: number): Promise<number> {
      const { rowCount } = await db.query(
        `delete from install_history where id in (
           select id from install_history where at < $1 and routine limit $2)`,
        [before, limit],
      );
      return rowCount ?? 0;
    },

    /** The install with its tokens in clear, or undefined when it is unknown, holds none, or got none by OAuth. */
    async findWithTokens(db: Db, portalId: number): Promise<InstallWithTokens | undefined> {
      const [found] = await this.findSealed(db, [portalId]);
      const install = found && open(found);
      return install?.kind === 'oauth' ? install : undefined;
    },

    /** Of each portal in turn, with the tokens as they are stored; {@link open} opens them. */
    async findSealed(db: Db, portalIds: readonly number[]): Promise<(SealedInstall | undefined)[]> {
      const { rows } = await db.query<SealedInstall>({
        name: 'find-sealed-installs',
        text: `select ${WITH_TOKENS} from installs where portal_id = any($1::bigint[])`,
        values: [portalIds],
      });
      const byPortal = new Map(rows.map((row) => [row.portalId, row]));
      return portalIds.map((portalId) => byPortal.get(portalId));
    },

    /** The tokens in clear, or undefined when the install holds none. */
    open,

    /** Stores refreshed tokens; the installs are active again. @returns for each false when its row has moved on. */
    async replaceTokens(db: Db, refreshed: readonly RefreshedTokens[]): Promise<boolean[]> {
      const sealed = refreshed.map(({ portalId, tokens }) => seal(portalId, tokens));
      const { rows } = await db.query<{ portal_id: number }>({
        name: 'replace-tokens',
        text: `${IN_ORDER} update installs set access_token = fresh.access_token, refresh_token = fresh.refresh_token,
             access_token_expires_at = fresh.expires_at, refresh_due_at = fresh.due_at,
             state_reason = case when state = 'active' then state_reason else 'refreshed' end,
             state = 'active', refresh_failures = 0, token_version = installs.token_version + 1, updated_at = now()
           from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
             as fresh (portal_id, token_version, access_token, refresh_token, expires_at, due_at)
             join in_order using (portal_id)
           where installs.portal_id = fresh.portal_id and installs.token_version = fresh.token_version
             and installs.access_token is not null
           returning installs.portal_id`,
        values: [
          refreshed.map(({ portalId }) => portalId),
          refreshed.map(({ tokenVersion }) => tokenVersion),
          sealed.map(([access]) => access),
          sealed.map(([, refresh]) => refresh),
          refreshed.map(({ tokens }) => tokens.accessTokenExpiresAt),
          refreshed.map(({ tokens }) => tokens.refreshDueAt),
        ],
      });
      const stored = new Set(rows.map(({ portal_id }) => portal_id));
      return refreshed.map(({ portalId }) => stored.has(portalId));
    },

    /** Notes that a refresh failed and when to try again. Tokens stay. @returns false when the row has moved on. */
    async backOff(db: Db, portalId: number, version: number, dueAt: Date, reason: string): Promise<boolean> {
      const { rowCount } = await db.query({
        text: `update installs set state = 'backing_off', state_reason = $4, refresh_due_at = $3,
             refresh_failures = refresh_failures + 1, updated_at = now()
           where portal_id = $1 and token_version = $2 and access_token is not null`,
        values: [portalId, version, dueAt, reason],
      });
      return rowCount === 1;
    },

    /**
     * Ends an install: its tokens are forgotten, its history stays.
     * @param seen what the caller knows of it: a newer install of the portal, or newer tokens, are left alone.
     * @returns the id of the install that held tokens until now, undefined when there was nothing to end.
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
           access_token_expires_at = null, refresh_due_at = null, token_version = installs.token_version + 1,
           updated_at = now()
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

    /** How many installs hold tokens under each key id. */
    async keyUse(pool: Pool): Promise<Map<string, number>> {
      const rows = await takingLong<{ key_id: string; installs: number }>(
        pool,
        `select key_id, count(distinct portal_id)::int as installs from (
           select portal_id, split_part(unnest(array[access_token, refresh_token]), '.', 2) as key_id
           from installs where access_token is not null) used where key_id is not null group by key_id`,
        KEY_USE_MS,
      );
      return new Map(rows.map((row) => [row.key_id, row.installs]));
    },

    /** How many installs hold a value under another key than the newest. */
    async countToReseal(db: Db): Promise<number> {
      const { rows } = await db.query<{ count: number }>(
        `select count(*)::int as count from installs where ${OLDER_KEY.replaceAll('$key', '$1')}`,
        [ring[0]?.id],
      );
      return rows[0]?.count ?? 0;
    },

    /**
     * Encrypts a page of tokens again with the newest key, in order of portal id. Nothing waits for it: a row that
     * a refresh changes meanwhile is left to the refresh, and one that no key opens is left as it is.
     * @returns the last portal id of the page, how many installs were written and which did not open; undefined at
     * the end.
     */
    async reseal(
      db: Db,
      after: number,
      limit: number,
    ): Promise<{ last: number; written: number; unreadable: number[] } | undefined> {
      const { rows } = await db.query<SealedInstall>(
        `select ${WITH_TOKENS} from installs
         where portal_id > $1 and ${OLDER_KEY.replaceAll('$key', '$3')}
         order by portal_id limit $2`,
        [after, limit, ring[0]?.id],
      );
      const last = rows.at(-1)?.portalId;
      if (last === undefined) return undefined;
      const installs: OpenInstall[] = [];
      const unreadable: number[] = [];
      for (const row of rows) {
        try {
          const install = open(row);
          if (install) installs.push(install);
        } catch (error) {
          if (!(error instanceof DecryptionError)) throw error;
          unreadable.push(row.portalId);
        }
      }
      const sealed = installs.map((install) => seal(install.portalId, install));
      const { rowCount } = await db.query(
        `${IN_ORDER} update installs set access_token = fresh.access_token, refresh_token = fresh.refresh_token
         from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])
           as fresh (portal_id, token_version, access_token, refresh_token)
           join in_order using (portal_id)
         where installs.portal_id = fresh.portal_id and installs.token_version = fresh.token_version`,
        [
          installs.map(({ portalId }) => portalId),
          installs.map(({ tokenVersion }) => tokenVersion),
          sealed.map(([access]) => access),
          sealed.map(([, refresh]) => refresh),
        ],
      );
      return { last, written: rowCount ?? 0, unreadable };
    },
  };

  function seal(
    portalId: number,
    tokens: { readonly accessToken: string; readonly refreshToken?: string },
  ): [string, string | null] {
    const { accessToken, refreshToken } = tokens;
    return [
      encrypt(ring, accessToken, boundTo(portalId, 'access_token')),
      refreshToken === undefined ? null : encrypt(ring, refreshToken, boundTo(portalId, 'refresh_token')),
    ];
  }

  function open(row: SealedInstall): OpenInstall | undefined {
    const { sealedAccess, sealedRefresh, accessTokenExpiresAt, refreshDueAt, kind, ...install } = row;
    if (!sealedAccess) return undefined;
    const accessToken = decrypt(ring, sealedAccess, boundTo(install.portalId, 'access_token'));
    if (kind === 'access_token') return { ...install, kind, accessToken, accessTokenExpiresAt, refreshDueAt };
    if (!sealedRefresh || !accessTokenExpiresAt || !refreshDueAt) return undefined;
    const refreshToken = decrypt(ring, sealedRefresh, boundTo(install.portalId, 'refresh_token'));
    return { ...install, kind, accessToken, refreshToken, accessTokenExpiresAt, refreshDueAt };
  }
}

const boundTo = (portalId: number, column: string) => `installs/${portalId}/${column}`;
