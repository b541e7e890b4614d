import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { createGroupCommit } from '../../db/group-commit.ts';
import type { Pool } from '../../db/pool.ts';
import type { SessionLocks } from '../../db/session-locks.ts';
import type { AccessTokensApi } from '../../hubspot/apis/access-tokens.ts';
import type { OAuthApi } from '../../hubspot/apis/oauth.ts';
import { HubSpotError } from '../../hubspot/client/errors.ts';
import { historyStore, type RefreshNote } from '../history-store.ts';
import type { InstallWithAccessToken, InstallWithTokens } from '../install.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { InstallsStore } from '../store.ts';
import { backingOff, isInstallEnded, notRefreshed, unavailable } from './errors.ts';
import { createRefresh } from './refresh.ts';
import { ifDue, ifItExpiresSoon, ifTokenIs, ifVersionIs } from './refresh-decision.ts';
import { createRefreshFailures } from './refresh-failure.ts';
import type { TokenStore } from './store.ts';
import { createStoredTokens } from './stored-tokens.ts';

const PATIENCE_MS = 1_000;
const MOST_PER_STATEMENT = 100;

export type TokenService = ReturnType<typeof createTokenService>;

interface Dependencies {
  pool: Pool;
  locks: SessionLocks;
  store: InstallsStore;
  tokenStore: TokenStore;
  lifecycle: Lifecycle;
  oauth: OAuthApi;
  accessTokens: AccessTokensApi;
  /** How long a call waits for a refresh while its present token is valid. */
  refreshPatienceMs?: number | undefined;
  clock: Clock;
  logger: Logger;
}

/** The read path: access tokens of the installs for calls to HubSpot, and the ways to ask for a refresh. */
export function createTokenService(dependencies: Dependencies) {
  const { pool, accessTokens, refreshPatienceMs = PATIENCE_MS, clock, logger } = dependencies;
  const notes = createGroupCommit<RefreshNote>(
    (items) => historyStore.addNotes(pool, items),
    MOST_PER_STATEMENT,
  );
  const parts = { ...dependencies, addNote: notes.add };
  const stored = createStoredTokens(parts);
  const failures = createRefreshFailures({ ...parts, stored });
  const refresh = createRefresh({ ...parts, stored, failures });

  return {
    isGiven: stored.isGiven,

    /**
     * A token that is valid for at least some moments. It is refreshed in the last five minutes of its life.
     * @throws {AppError} install_not_found, install_needs_reconnect, hubspot_unavailable, app_misconfigured.
     */
    async accessTokenFor(portalId: number): Promise<string> {
      const recent = stored.recent.get(portalId);
      if (recent) return recent;
      const install = await stored.load(portalId);
      const decision = install.kind === 'access_token' ? 'use' : ifItExpiresSoon(install, clock.now());
      if (install.kind === 'access_token' || decision === 'use') {
        stored.recent.keep(portalId, install);
        return install.accessToken;
      }
      // During the margin the present token is still valid.
      const isValid = install.accessTokenExpiresAt.getTime() > clock.now();
      if (decision === 'wait') {
        if (isValid) return install.accessToken;
        throw backingOff(install, clock.now());
      }
      const refreshed = refresh.token(portalId, ifItExpiresSoon, 'its token expires soon');
      return isValid ? presentUnlessSoon(refreshed, install) : refreshed;
    },

    /** Another token after HubSpot answered 401 to `rejected`: the one that is stored by now, or a refreshed one. */
    async renewed(portalId: number, rejected: string): Promise<string> {
      stored.recent.forget(portalId);
      const install = await stored.load(portalId);
      if (install.kind === 'access_token') return verified(install, rejected);
      // The first call may join an attempt that began before the 401 was known.
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const token = await refresh.token(
          portalId,
          ifTokenIs(rejected),
          'HubSpot rejected its token with 401',
        );
        if (token !== rejected) return token;
      }
      throw unavailable(portalId, 'HubSpot rejects its token and issued no new one', 1);
    },

    /** For the sweep. Throws when the refresh failed. @returns false when somebody else is refreshing. */
    async refreshIfDue(portalId: number): Promise<boolean> {
      return (await refresh.tokenUnlessBusy(portalId, ifDue, 'its refresh is due')) !== undefined;
    },

    /**
     * Refreshes for an operator, whatever the token's age or earlier failures. Throws when the refresh failed.
     * @throws {AppError} not_refreshed when there is nothing to refresh with.
     */
    async refreshNow(portalId: number): Promise<void> {
      // An attempt that is under way may end without a refresh.
      await refresh.settledFor(portalId);
      const { kind, tokenVersion } = await stored.load(portalId);
      if (kind === 'access_token') throw notRefreshed(portalId);
      await refresh.token(portalId, ifVersionIs(tokenVersion), 'asked for by an operator');
    },

    settled: refresh.settled,

    /** Drops the cached token, because another part of this process has changed the portal's tokens. */
    forget(portalId: number): void {
      stored.recent.forget(portalId);
    },
  };

  /** The refreshed token; the present one when the refresh fails for now or takes long. The refresh continues. */
  async function presentUnlessSoon(
    refreshed: Promise<string>,
    { portalId, accessToken }: InstallWithTokens,
  ): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, refreshPatienceMs, accessToken);
    });
    const settled = refreshed.catch((err) => {
      if (isInstallEnded(err)) throw err;
      if (!(err instanceof AppError))
        logger.warn(
          { portalId, err },
          'a token was not refreshed; the present one is valid for some minutes',
        );
      return accessToken;
    });
    try {
      return await Promise.race([settled, patience]);
    } finally {
      clearTimeout(timer);
      // A failure after the time-out has no caller left.
      settled.catch(() => {});
    }
  }

  /**
   * An operator's access token after a 401: the one that is stored by now, or the same when HubSpot says that it is
   * valid. A 401 alone does not prove that it was revoked.
   */
  async function verified(install: InstallWithAccessToken, rejected: string): Promise<string> {
    const { portalId, accessToken } = install;
    if (accessToken !== rejected) return accessToken;
    return (await refresh.join(portalId, () => verify(install))) ?? accessToken;
  }

  async function verify(install: InstallWithAccessToken): Promise<string> {
    const { portalId, accessToken } = install;
    try {
      if (await accessTokens.describe(accessToken)) return accessToken;
    } catch (error) {
      if (!(error instanceof HubSpotError)) throw error;
      const what = 'HubSpot rejected its access token and does not say whether it was revoked';
      throw unavailable(portalId, what, error.retryAfter ?? 1, error);
    }
    return failures.end(install, 'HubSpot no longer accepts the access token');
  }
}
