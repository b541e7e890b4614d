import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { createGroupCommit } from '../../db/group-commit.ts';
import type { Pool } from '../../db/pool.ts';
import { LOCKS, type SessionLocks } from '../../db/session-locks.ts';
import type { OAuthApi } from '../../hubspot/apis/oauth.ts';
import { HubSpotError } from '../../hubspot/client/errors.ts';
import type { RefreshNote } from '../history-store.ts';
import type { Tokens } from '../install.ts';
import { backingOff, unavailable } from './errors.ts';
import type { Decide } from './refresh-decision.ts';
import type { RefreshFailures } from './refresh-failure.ts';
import type { RefreshedTokens, TokenStore } from './store.ts';
import type { StoredTokens } from './stored-tokens.ts';
import { tokensOf } from './token-answer.ts';

/** Longer than the one HTTP call that the holder of the lock makes. */
const WAIT_FOR_OTHER_MS = 20_000;
const POLL_MS = 50;
const MOST_PER_STATEMENT = 100;

/** Delays before refreshed tokens are stored again; in total less than other processes wait for the lock. */
const STORE_RETRY_MS = [250, 500, 1_000, 2_000, 4_000];

export type Refresh = ReturnType<typeof createRefresh>;

interface Dependencies {
  pool: Pool;
  locks: SessionLocks;
  tokenStore: TokenStore;
  stored: Pick<StoredTokens, 'load'>;
  oauth: Pick<OAuthApi, 'refresh'>;
  failures: RefreshFailures;
  addNote: (note: RefreshNote) => Promise<void>;
  clock: Clock;
  logger: Logger;
}

/**
 * Refreshes tokens, one refresh per portal at a time over all processes: the refresher holds a lock in PostgreSQL
 * that ends with its process, reads the row again, and writes only when the row's version is unchanged.
 */
export function createRefresh(dependencies: Dependencies) {
  const { pool, locks, tokenStore, stored, oauth, failures, addNote, clock, logger } = dependencies;
  const underWay = new Map<number, Promise<string | undefined>>();
  const writes = createGroupCommit<RefreshedTokens, boolean>(
    (refreshed) => tokenStore.replace(pool, refreshed),
    MOST_PER_STATEMENT,
  );

  return {
    /** A token by `decide`: the stored one, or a refreshed one, of whichever process. */
    async token(portalId: number, decide: Decide, reason: string): Promise<string> {
      for (;;) {
        const token = await (underWay.get(portalId) ??
          share(portalId, () => refreshOrWait(portalId, decide, reason)));
        // The sweep of this process yields to other processes; this call waits for them.
        if (token !== undefined) return token;
      }
    },

    /** The same for the sweep, which does not wait. @returns undefined while somebody else is refreshing. */
    async tokenUnlessBusy(portalId: number, decide: Decide, reason: string): Promise<string | undefined> {
      if (underWay.has(portalId)) return undefined;
      return share(portalId, () => tryRefresh(portalId, decide, reason));
    },

    /** Runs `work` unless another call of this process works on the portal's token, and shares the result. */
    join: (portalId: number, work: () => Promise<string>): Promise<string | undefined> =>
      underWay.get(portalId) ?? share(portalId, work),

    /** Resolves when the call that works on the portal's token now, if any, has ended. */
    async settledFor(portalId: number): Promise<void> {
      await underWay.get(portalId)?.catch(() => {});
    },

    /** Resolves when no refresh is under way: tokens that HubSpot has issued must still be stored. */
    async settled(): Promise<void> {
      while (underWay.size > 0) await Promise.allSettled(underWay.values());
    },
  };

  function share<T extends string | undefined>(portalId: number, work: () => Promise<T>): Promise<T> {
    const attempt = work().finally(() => underWay.delete(portalId));
    underWay.set(portalId, attempt);
    return attempt;
  }

  async function refreshOrWait(portalId: number, decide: Decide, reason: string): Promise<string> {
    const timeoutAt = performance.now() + WAIT_FOR_OTHER_MS;
    for (;;) {
      const token = (await tryRefresh(portalId, decide, reason)) ?? (await storedByOther(portalId, decide));
      if (token !== undefined) return token;
      if (performance.now() > timeoutAt)
        throw unavailable(portalId, 'another process has been refreshing its token for too long', 5);
    }
  }

  /** @returns undefined while another process is refreshing. */
  async function tryRefresh(portalId: number, decide: Decide, reason: string): Promise<string | undefined> {
    if (!(await locks.tryAcquire(LOCKS.tokenRefresh, String(portalId)))) return undefined;
    try {
      return await refreshUnderLock(portalId, decide, reason);
    } finally {
      // When the release fails, the lock was lost with its connection.
      await locks.release(LOCKS.tokenRefresh, String(portalId)).catch(() => {});
    }
  }

  async function storedByOther(portalId: number, decide: Decide): Promise<string | undefined> {
    await pause(POLL_MS * (0.5 + Math.random()));
    const install = await stored.load(portalId);
    if (install.kind === 'access_token') return install.accessToken;
    const decision = decide(install, clock.now());
    if (decision === 'wait') throw backingOff(install, clock.now());
    return decision === 'use' ? install.accessToken : undefined;
  }

  async function refreshUnderLock(portalId: number, decide: Decide, reason: string): Promise<string> {
    const install = await stored.load(portalId);
    if (install.kind === 'access_token') return install.accessToken;
    const decision = decide(install, clock.now());
    if (decision === 'use') return install.accessToken;
    if (decision === 'wait') throw backingOff(install, clock.now());
    failures.throwIfAppRejected();
    // Before the call: HubSpot must not exchange a refresh token while the database accepts no writes.
    await addNote({ install, toState: 'refreshing', reason });
    let tokens: Tokens;
    try {
      const answer = await oauth.refresh(install.refreshToken);
      const refreshToken = answer.refreshToken ?? install.refreshToken;
      tokens = tokensOf({ portalId, answer: { ...answer, refreshToken }, now: clock.now(), logger });
    } catch (error) {
      if (error instanceof HubSpotError) return failures.handle(install, error);
      throw error;
    }
    const isStored = await storeWithRetries({ portalId, tokenVersion: install.tokenVersion, tokens });
    logger.debug({ portalId, expiresAt: tokens.accessTokenExpiresAt }, 'refreshed the access token');
    await failures
      .succeeded()
      .catch((err) =>
        logger.warn({ portalId, err }, 'failed to clear an alarm; the next sweep will clear it'),
      );
    // Otherwise a reinstall or a disconnect came first.
    return isStored ? tokens.accessToken : (await stored.load(portalId)).accessToken;
  }

  /**
   * Retries over some seconds without a database, because HubSpot may accept the former refresh token no more. When
   * only the answer of a successful write was lost, the retry finds a newer version.
   */
  async function storeWithRetries(refreshed: RefreshedTokens): Promise<boolean> {
    for (const delayMs of STORE_RETRY_MS) {
      try {
        return await writes.add(refreshed);
      } catch (err) {
        logger.warn({ portalId: refreshed.portalId, err }, 'failed to store refreshed tokens; retrying');
        await pause(delayMs * (0.75 + Math.random() / 2));
      }
    }
    return writes.add(refreshed);
  }
}
