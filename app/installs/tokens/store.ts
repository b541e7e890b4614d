import { DecryptionError, type KeyRing } from '../../db/key-ring.ts';
import type { Db, Pool } from '../../db/pool.ts';
import { slowQuery } from '../../db/slow-query.ts';
import {
  INSTALL_COLUMNS,
  type InstallWithTokens,
  type OpenInstall,
  type SealedInstall,
  type Tokens,
} from '../install.ts';
import type { TokenSeal } from './token-seal.ts';

/** New tokens, and the version of the tokens that they were exchanged for. */
export interface RefreshedTokens {
  readonly portalId: number;
  readonly tokenVersion: number;
  readonly tokens: Tokens;
}

const WITH_TOKENS = `${INSTALL_COLUMNS}, access_token as "sealedAccess", refresh_token as "sealedRefresh"`;

/** Some value is encrypted with another key than `$key`. */
const OLDER_KEY = `access_token is not null
  and (split_part(access_token, '.', 2) <> $key or split_part(refresh_token, '.', 2) <> $key)`;

/** Locks the rows of $1 in order of portal id, so that two statements over many rows cannot deadlock. */
const IN_ORDER = `with in_order as (
  select portal_id from installs where portal_id = any($1::bigint[]) order by portal_id for no key update)`;

/** The statement reads every install. */
const KEY_USE_MS = 60_000;

export type TokenStore = ReturnType<typeof createTokenStore>;

/** The token columns of table `installs`, encrypted. */
export function createTokenStore(ring: KeyRing, { seal, open }: TokenSeal) {
  const newest = ring[0]?.id;

  return {
    /** The install with its tokens in clear; undefined when it is unknown, holds none, or is not of OAuth. */
    async find(db: Db, portalId: number): Promise<InstallWithTokens | undefined> {
      const [found] = await this.findSealed(db, [portalId]);
      const install = found && open(found);
      return install?.kind === 'oauth' ? install : undefined;
    },

    /** The installs of these portals, in the same order. */
    async findSealed(db: Db, portalIds: readonly number[]): Promise<(SealedInstall | undefined)[]> {
      const { rows } = await db.query<SealedInstall>({
        name: 'find-sealed-installs',
        text: `select ${WITH_TOKENS} from installs where portal_id = any($1::bigint[])`,
        values: [portalIds],
      });
      const byPortal = new Map(rows.map((row) => [row.portalId, row]));
      return portalIds.map((portalId) => byPortal.get(portalId));
    },

    open,

    /** Stores refreshed tokens and makes the installs active. @returns false for each whose row has changed. */
    async replace(db: Db, refreshed: readonly RefreshedTokens[]): Promise<boolean[]> {
      const sealed = refreshed.map(({ portalId, tokens }) => seal(portalId, tokens));
      const { rows } = await db.query<{ portal_id: number }>({
        name: 'replace-tokens',
        text: `${IN_ORDER} update installs set access_token = fresh.access_token, refresh_token = fresh.refresh_token,
             access_token_expires_at = fresh.expires_at, refresh_due_at = fresh.due_at,
             state_reason = case when state = 'active' then state_reason else 'refreshed' end,
             state = 'active', refresh_failures = 0, refresh_refused_since = null,
             token_version = installs.token_version + 1, updated_at = now()
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

    /** The number of installs whose tokens are encrypted with each key, by key id. */
    async keyUse(pool: Pool): Promise<Map<string, number>> {
      const rows = await slowQuery<{ key_id: string; installs: number }>(
        pool,
        `select key_id, count(distinct portal_id)::int as installs from (
           select portal_id, split_part(unnest(array[access_token, refresh_token]), '.', 2) as key_id
           from installs where access_token is not null) used where key_id is not null group by key_id`,
        KEY_USE_MS,
      );
      return new Map(rows.map((row) => [row.key_id, row.installs]));
    },

    /** The number of installs with a value that is encrypted with another key than the newest. */
    async countToReseal(db: Db): Promise<number> {
      const { rows } = await db.query<{ count: number }>(
        `select count(*)::int as count from installs where ${OLDER_KEY.replaceAll('$key', '$1')}`,
        [newest],
      );
      return rows[0]?.count ?? 0;
    },

    /**
     * Encrypts a page of tokens with the newest key, in order of portal id. It blocks nothing: a row that a refresh
     * changes meanwhile, or that no key opens, is left as it is.
     * @returns the page's last portal id, the number of rows written, and the portals whose tokens did not open;
     * undefined after the last page.
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
        [after, limit, newest],
      );
      const last = rows.at(-1)?.portalId;
      if (last === undefined) return undefined;
      const { readable, unreadable } = openAll(rows);
      const sealed = readable.map((install) => seal(install.portalId, install));
      const { rowCount } = await db.query(
        `${IN_ORDER} update installs set access_token = fresh.access_token, refresh_token = fresh.refresh_token
         from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])
           as fresh (portal_id, token_version, access_token, refresh_token)
           join in_order using (portal_id)
         where installs.portal_id = fresh.portal_id and installs.token_version = fresh.token_version`,
        [
          readable.map(({ portalId }) => portalId),
          readable.map(({ tokenVersion }) => tokenVersion),
          sealed.map(([access]) => access),
          sealed.map(([, refresh]) => refresh),
        ],
      );
      return { last, written: rowCount ?? 0, unreadable };
    },
  };

  function openAll(rows: readonly SealedInstall[]): { readable: OpenInstall[]; unreadable: number[] } {
    const readable: OpenInstall[] = [];
    const unreadable: number[] = [];
    for (const row of rows) {
      try {
        const install = open(row);
        if (install) readable.push(install);
      } catch (error) {
        if (!(error instanceof DecryptionError)) throw error;
        unreadable.push(row.portalId);
      }
    }
    return { readable, unreadable };
  }
}
