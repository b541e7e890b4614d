import type { Clock } from '../../base/clock.ts';
import { installNotFound, needsReconnect } from '../../base/errors.ts';
import { createGroupCommit } from '../../db/group-commit.ts';
import type { Pool } from '../../db/pool.ts';
import type { OpenInstall, SealedInstall } from '../install.ts';
import type { InstallsStore } from '../store.ts';
import { createRecentTokens } from './recent-tokens.ts';
import { REFRESH_MARGIN_MS } from './refresh-timing.ts';
import type { TokenStore } from './store.ts';

const MOST_PER_STATEMENT = 100;

export type StoredTokens = ReturnType<typeof createStoredTokens>;

interface Dependencies {
  pool: Pool;
  store: Pick<InstallsStore, 'find'>;
  tokenStore: TokenStore;
  clock: Clock;
}

/** Reads installs with their tokens, and caches the access tokens in use. */
export function createStoredTokens({ pool, store, tokenStore, clock }: Dependencies) {
  /** A sweep refreshes many portals at once: their reads share a statement. */
  const reads = createGroupCommit<number, SealedInstall | undefined>(
    (portalIds) => tokenStore.findSealed(pool, portalIds),
    MOST_PER_STATEMENT,
  );
  const recent = createRecentTokens(clock, REFRESH_MARGIN_MS);
  /** Portals that are connected with an operator's access token. */
  const withOperatorToken = new Set<number>();

  return {
    recent,

    /** Whether the token that was last read for the portal is one that an operator gave. */
    isGiven: (portalId: number): boolean => withOperatorToken.has(portalId),

    /** @throws {AppError} install_not_found, install_needs_reconnect when the portal has no tokens. */
    async load(portalId: number): Promise<OpenInstall> {
      const found = await reads.add(portalId);
      const install = found && tokenStore.open(found);
      if (install?.kind === 'access_token') withOperatorToken.add(portalId);
      else withOperatorToken.delete(portalId);
      if (install) return install;
      const ended = await store.find(pool, portalId);
      throw ended?.state === 'needs_reconnect'
        ? needsReconnect(portalId, ended.kind)
        : installNotFound(portalId);
    },
  };
}
