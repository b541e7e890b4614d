import { setTimeout as pause } from 'node:timers/promises';
import pTimeout from 'p-timeout';
import type { Clock } from '../../base/clock.ts';
import { AppError, installNotFound, needsReconnect } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { createGroupCommit } from '../../db/group-commit.ts';
import type { Pool } from '../../db/pool.ts';
import { LOCKS, type SessionLocks } from '../../db/session-locks.ts';
import { inTransaction } from '../../db/transaction.ts';
import type { AccessTokensApi } from '../../hubspot/apis/access-tokens.ts';
import { classifyOAuthFailure, type OAuthApi, type TokenAnswer } from '../../hubspot/apis/oauth.ts';
import { HubSpotError } from '../../hubspot/client/errors.ts';
import { endInstall } from '../../webhooks/lifecycle-events.ts';
import {
  APP_MISCONFIGURED,
  clearAppMisconfigured,
  clearRefreshRefused,
  raiseAppMisconfigured,
  raiseRefreshRefused,
} from '../alarms.ts';
import type {
  InstallsStore,
  InstallWithAccessToken,
  InstallWithTokens,
  OpenInstall,
  RefreshedTokens,
  RefreshNote,
  SealedInstall,
  Tokens,
} from '../store.ts';
import { createRecentTokens } from './recent-tokens.ts';
import { retryDelayMs, sweepAheadMs } from './refresh-timing.ts';

/** How long before its expiry an access token is no longer handed out without a refresh. */
export const REFRESH_MARGIN_MS = 5 * 60 * 1000;

/** How long a call waits for a refresh while the token it has still works. */
const PATIENCE_MS = 1_000;

/** Longer than the one HTTP call that the holder of the lock makes. */
const WAIT_FOR_OTHER_MS = 20_000;
const POLL_MS = 50;
const MOST_TOGETHER = 100;

/** Waits between the tries to store refreshed tokens; together less than others wait for the lock. */
const STORE_AGAIN_MS = [250, 500, 1_000, 2_000, 4_000];

/** HubSpot refused the app itself, so that every install would hear the same: for this long nobody asks again. */
const REFUSAL_MS = 5_000;

/** An install that HubSpot refused with words about the app works again soon after the operator has mended it. */
const LONGEST_REFUSED_APP_MS = 60_000;

/** What to do about an install's token: use the stored one, fetch a new one, or leave HubSpot alone for now. */
type Decide = (install: InstallWithTokens) => 'use' | 'refresh' | 'wait';

export type TokenService = ReturnType<typeof createTokenService>;

interface Dependencies {
  pool: Pool;
  locks: SessionLocks;
  installs: InstallsStore;
  oauth: OAuthApi;
  accessTokens: AccessTokensApi;
  clock: Clock;
  logger: Logger;
}

/**
 * Access tokens of the installs. One refresh per portal at a time over all processes: the refresher holds a lock
 * in Postgres that dies with its process, reads the row again after taking it, and writes only when the row's
 * version is unchanged. Whoever waits meanwhile uses the token that the refresher stored.
 */
export function createTokenService(dependencies: Dependencies) {
  const { pool, locks, installs, oauth, accessTokens, clock, logger } = dependencies;
  const refreshing = new Map<number, Promise<string | undefined>>();
  /** A sweep refreshes many portals at once: what they read and write goes together. */
  const reads = createGroupCommit<number, SealedInstall | undefined>(
    (portalIds) => installs.findSealed(pool, portalIds),
    MOST_TOGETHER,
  );
  const writes = createGroupCommit<RefreshedTokens, boolean>(
    (refreshed) => installs.replaceTokens(pool, refreshed),
    MOST_TOGETHER,
  );
  const notes = createGroupCommit<RefreshNote>((items) => installs.noteRefreshes(pool, items), MOST_TOGETHER);
  /** Portals whose access token was given to this server; no consent stands behind it. */
  const withGivenToken = new Set<number>();
  const recent = createRecentTokens(clock, REFRESH_MARGIN_MS);
  let refusal = { until: 0, error: undefined as AppError | undefined };
  /** The first portal that heard that HubSpot refuses the app, since some portal's token was refreshed. */
  let firstRefused: number | undefined;

  return {
    /** Whether the token that calls of the portal have used last was given to this server. */
    isGiven: (portalId: number): boolean => withGivenToken.has(portalId),

    /**
     * A token good for at least the next moments, refreshed when it has five minutes or less to live.
     * @throws {AppError} install_not_found, install_needs_reconnect, hubspot_unavailable, app_misconfigured.
     */
    async accessTokenFor(portalId: number): Promise<string> {
      const known = recent.get(portalId);
      if (known) return known;
      const install = await load(portalId);
      if (install.kind === 'access_token') {
        recent.keep(portalId, install);
        return install.accessToken;
      }
      const decide = unlessBackingOff(expiresSoon);
      const decision = decide(install);
      if (decision === 'use') {
        recent.keep(portalId, install);
        return install.accessToken;
      }
      // Early refresh leaves five minutes in which the old token still works.
      const works = install.accessTokenExpiresAt.getTime() > clock.now();
      if (decision === 'wait') {
        if (works) return install.accessToken;
        throw backingOff(install);
      }
      const refreshed = refreshOnce(portalId, decide, 'its token expires soon');
      return works ? orMeanwhile(refreshed, install) : refreshed;
    },

    /** A token to try after HubSpot refused `refused` with 401: another caller's newer one, or a refreshed one. */
    async renewed(portalId: number, refused: string): Promise<string> {
      recent.forget(portalId);
      const held = await load(portalId);
      if (held.kind === 'access_token') return heldOrOver(held, refused);
      const decide = unlessBackingOff((install) => install.accessToken === refused);
      // The first call may join an attempt that began before the refusal was known.
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const token = await refreshOnce(portalId, decide, 'HubSpot refused its token with 401');
        if (token !== refused) return token;
      }
      throw unavailable(portalId, 'HubSpot refuses its token and gave no new one', 1);
    },

    /**
     * Refreshes when the sweep's moment for this install has come. Throws when that failed.
     * @returns false when somebody else is at it, who is not waited for: a sweep has other portals to see to.
     */
    async refreshIfDue(portalId: number): Promise<boolean> {
      if (refreshing.has(portalId)) return false;
      const decide = (install: InstallWithTokens) => (isDue(install) ? 'refresh' : 'use');
      const token = await share(portalId, () => tryRefresh(portalId, decide, 'its refresh is due'));
      return token !== undefined;
    },

    /**
     * Refreshes whatever the token's age or earlier failures; an operator asked for it. Throws when that failed.
     * @throws {AppError} not_refreshed where there is nothing to refresh with.
     */
    async refreshNow(portalId: number): Promise<void> {
      // An attempt that is under way may have found nothing to do.
      await refreshing.get(portalId)?.catch(() => {});
      const { kind, tokenVersion } = await load(portalId);
      if (kind === 'access_token') throw notRefreshed(portalId);
      await refreshOnce(
        portalId,
        (install) => (install.tokenVersion === tokenVersion ? 'refresh' : 'use'),
        'asked for by an operator',
      );
    },

    /** Resolves when no refresh is under way: what HubSpot gives for one must still be stored. */
    async settled(): Promise<void> {
      while (refreshing.size > 0) await Promise.allSettled(refreshing.values());
    },

    /** The portal's tokens were changed by another part of this process. */
    forget(portalId: number): void {
      recent.forget(portalId);
    },

    /** What a token answer becomes in the store. */
    keep: (portalId: number, answer: TokenAnswer, refreshTokenInUse = ''): Tokens =>
      keep(portalId, answer, refreshTokenInUse),
  };

  /** A token that lives shorter than the margin is not refreshed at each call, but when it is due. */
  function expiresSoon(install: InstallWithTokens): boolean {
    const left = install.accessTokenExpiresAt.getTime() - clock.now();
    return left <= 0 || (left <= REFRESH_MARGIN_MS && (isDue(install) || install.state !== 'active'));
  }

  function isDue(install: InstallWithTokens): boolean {
    return install.refreshDueAt.getTime() <= clock.now();
  }

  /** After a failure the next try waits for its time, so that an outage is not met with a storm. */
  function unlessBackingOff(needed: (install: InstallWithTokens) => boolean): Decide {
    return (install) => {
      if (!needed(install)) return 'use';
      return install.state === 'active' || isDue(install) ? 'refresh' : 'wait';
    };
  }

  function backingOff(install: InstallWithTokens): AppError {
    const seconds = Math.ceil((install.refreshDueAt.getTime() - clock.now()) / 1000);
    return unavailable(install.portalId, 'HubSpot did not refresh its token', Math.max(1, seconds));
  }

  async function load(portalId: number): Promise<OpenInstall> {
    const found = await reads.add(portalId);
    const install = found && installs.open(found);
    if (install?.kind === 'access_token') withGivenToken.add(portalId);
    else withGivenToken.delete(portalId);
    if (install) return install;
    const ended = await installs.find(pool, portalId);
    throw ended?.state === 'needs_reconnect'
      ? needsReconnect(portalId, ended.kind)
      : installNotFound(portalId);
  }

  /**
   * For a token that HubSpot refused and that is not refreshed: the one that was stored meanwhile, or the same when
   * HubSpot says that it lives after all. A 401 alone is no proof that it is over.
   */
  async function heldOrOver(install: InstallWithAccessToken, refused: string): Promise<string> {
    const { portalId, accessToken } = install;
    if (accessToken !== refused) return accessToken;
    const asked = refreshing.get(portalId) ?? share(portalId, () => proveAlive(install));
    return (await asked) ?? accessToken;
  }

  async function proveAlive(install: InstallWithAccessToken): Promise<string> {
    const { portalId, accessToken } = install;
    try {
      if (await accessTokens.describe(accessToken)) return accessToken;
    } catch (error) {
      if (!(error instanceof HubSpotError)) throw error;
      const what = 'HubSpot refused its access token, and does not say whether it is over';
      throw unavailable(portalId, what, error.retryAfter ?? 1, error);
    }
    return end(install, 'HubSpot no longer accepts the access token');
  }

  /** @returns a token only when another one was stored meanwhile. */
  async function end(install: OpenInstall, reason: string, cause?: HubSpotError): Promise<string> {
    const { portalId, kind, tokenVersion } = install;
    const ended = await inTransaction(pool, (tx) =>
      endInstall(tx, installs, portalId, {
        seen: { tokenVersion },
        state: 'needs_reconnect',
        reason,
        now: clock.now(),
      }),
    );
    // What HubSpot refused is no longer what is stored: a reinstall came first.
    if (!ended) return (await load(portalId)).accessToken;
    logger.warn({ portalId, reason, err: cause }, 'HubSpot ended this install; its tokens are forgotten');
    throw needsReconnect(portalId, kind);
  }

  async function refreshOnce(portalId: number, decide: Decide, reason: string): Promise<string> {
    for (;;) {
      const attempt =
        refreshing.get(portalId) ?? share(portalId, () => refreshOrWait(portalId, decide, reason));
      const token = await attempt;
      // The sweep's attempt gave way to another process; here that one is waited for.
      if (token !== undefined) return token;
    }
  }

  /** Callers of this process that want the same portal share one attempt. */
  function share<T extends string | undefined>(portalId: number, refresh: () => Promise<T>): Promise<T> {
    const attempt = refresh().finally(() => refreshing.delete(portalId));
    refreshing.set(portalId, attempt);
    return attempt;
  }

  async function refreshOrWait(portalId: number, decide: Decide, reason: string): Promise<string> {
    const giveUpAt = performance.now() + WAIT_FOR_OTHER_MS;
    for (;;) {
      const token = await tryRefresh(portalId, decide, reason);
      if (token !== undefined) return token;
      await pause(POLL_MS * (0.5 + Math.random()));
      const install = await load(portalId);
      if (install.kind === 'access_token') return install.accessToken;
      const decision = decide(install);
      if (decision === 'use') return install.accessToken;
      if (decision === 'wait') throw backingOff(install);
      if (performance.now() > giveUpAt) {
        throw unavailable(portalId, 'another process has been refreshing its token for too long', 5);
      }
    }
  }

  /** @returns undefined when another process is refreshing. */
  async function tryRefresh(portalId: number, decide: Decide, reason: string): Promise<string | undefined> {
    if (!(await locks.tryAcquire(LOCKS.tokenRefresh, String(portalId)))) return undefined;
    try {
      return await refreshUnderLock(portalId, decide, reason);
    } finally {
      // A lock that cannot be given back was lost with its connection.
      await locks.release(LOCKS.tokenRefresh, String(portalId)).catch(() => {});
    }
  }

  async function refreshUnderLock(portalId: number, decide: Decide, reason: string): Promise<string> {
    const install = await load(portalId);
    if (install.kind === 'access_token') return install.accessToken;
    const decision = decide(install);
    if (decision === 'use') return install.accessToken;
    if (decision === 'wait') throw backingOff(install);
    if (refusal.error && clock.now() < refusal.until) throw refusal.error;
    // Before the call: a refresh token that HubSpot exchanges is not risked while the database takes no writes.
    await notes.add({ install, toState: 'refreshing', reason });
    let tokens: Tokens;
    try {
      tokens = keep(portalId, await oauth.refresh(install.refreshToken), install.refreshToken);
    } catch (error) {
      if (error instanceof HubSpotError) return settleFailure(install, error);
      throw error;
    }
    const stored = await store({ portalId, tokenVersion: install.tokenVersion, tokens });
    logger.debug({ portalId, expiresAt: tokens.accessTokenExpiresAt }, 'refreshed the access token');
    await clearAlarms(install).catch((err) =>
      logger.warn({ portalId, err }, 'an alarm that is over could not be cleared; the next sweep will do it'),
    );
    // A reinstall or a disconnect came first: what is stored counts.
    return stored ? tokens.accessToken : (await load(portalId)).accessToken;
  }

  /**
   * Stores what HubSpot gave, over a database that is away for some seconds: a refresh token that was exchanged for
   * this one may work no more. A try whose answer alone was lost makes the next find the row moved on.
   */
  async function store(refreshed: RefreshedTokens): Promise<boolean> {
    for (const pauseMs of STORE_AGAIN_MS) {
      try {
        return await writes.add(refreshed);
      } catch (err) {
        logger.warn(
          { portalId: refreshed.portalId, err },
          'refreshed tokens could not be stored; trying again',
        );
        await pause(pauseMs * (0.75 + Math.random() / 2));
      }
    }
    return writes.add(refreshed);
  }

  /** HubSpot refreshed: what it refused before is over. Asks the database only where something was refused. */
  async function clearAlarms({ portalId, state }: InstallWithTokens): Promise<void> {
    const appWasRefused = refusal.error !== undefined;
    refusal = { until: 0, error: undefined };
    firstRefused = undefined;
    if (state !== 'active') await clearRefreshRefused(pool, portalId);
    if (appWasRefused) await clearAppMisconfigured(pool);
  }

  /** The refreshed token; the one at hand when that fails for now, or takes long. The refresh goes on. */
  async function orMeanwhile(
    refreshed: Promise<string>,
    { portalId, accessToken }: InstallWithTokens,
  ): Promise<string> {
    const settled = refreshed.catch((error) => {
      if (isOver(error)) throw error;
      if (!(error instanceof AppError))
        logger.warn(
          { portalId, err: error },
          'a token was not refreshed; the one in use lives for some minutes',
        );
      return accessToken;
    });
    return pTimeout(settled, { milliseconds: PATIENCE_MS, fallback: () => accessToken });
  }

  /** Notes what a failure means. @returns a token only when another one was stored meanwhile. */
  async function settleFailure(install: InstallWithTokens, error: HubSpotError): Promise<string> {
    const { portalId } = install;
    const failure = classifyOAuthFailure(error, 'refresh');
    switch (failure) {
      case 'revoked':
        return end(install, `HubSpot: ${error.oauthStatus ?? error.oauthError}`, error);

      case 'transient':
      case 'refused':
        return backOff(install, error, failure, retryDelayMs(install.refreshFailures, error));

      case 'configuration':
      case 'bad_code': {
        const refusedApp = await refuseAll(error);
        await notes.add({
          install,
          toState: install.state,
          reason: `HubSpot refuses this app: ${error.summary}`,
        });
        throw refusedApp;
      }

      case 'unauthorized': {
        if (isAboutEveryPortal(portalId)) await refuseAll(error);
        const delay = Math.min(retryDelayMs(install.refreshFailures, error), LONGEST_REFUSED_APP_MS);
        return backOff(install, error, failure, delay);
      }

      default:
        return failure satisfies never;
    }
  }

  /** @returns the error for all callers of the next seconds. */
  async function refuseAll(error: HubSpotError): Promise<AppError> {
    logger.error({ err: error, alarm: APP_MISCONFIGURED }, 'HubSpot refuses this app; no token was touched');
    const refusedApp = await raiseAppMisconfigured(pool, error);
    refusal = { until: clock.now() + REFUSAL_MS, error: refusedApp };
    return refusedApp;
  }

  /** One portal alone may hear words about the app for a reason of its own; it must not stop the others. */
  function isAboutEveryPortal(portalId: number): boolean {
    firstRefused ??= portalId;
    return refusal.error !== undefined || firstRefused !== portalId;
  }

  /** Keeps the tokens, and the sweep from asking again before `delay` ms. */
  async function backOff(
    install: InstallWithTokens,
    error: HubSpotError,
    failure: 'transient' | 'refused' | 'unauthorized',
    delay: number,
  ): Promise<string> {
    const { portalId, tokenVersion } = install;
    const dueAt = new Date(clock.now() + delay);
    const refusesApp = failure === 'unauthorized';
    const reason = refusesApp ? `HubSpot refuses this app: ${error.summary}` : error.summary;
    const noted = await installs.backOff(pool, portalId, tokenVersion, dueAt, reason);
    if (!noted) return (await load(portalId)).accessToken;
    logger[failure === 'transient' ? 'warn' : 'error'](
      { portalId, err: error, retryInMs: delay },
      'HubSpot did not refresh a token; it will be tried again',
    );
    if (refusesApp && refusal.error) throw refusal.error;
    if (failure !== 'transient') await raiseRefreshRefused(pool, portalId, error, refusesApp);
    const what =
      failure === 'transient'
        ? `HubSpot did not refresh its token${error.correctHublet ? ` (the account is in ${error.correctHublet})` : ''}`
        : `HubSpot refuses to refresh its token (${error.summary})`;
    throw unavailable(portalId, what, Math.ceil(delay / 1000), error);
  }

  function keep(portalId: number, answer: TokenAnswer, refreshTokenInUse: string): Tokens {
    if (answer.lifetimeAssumed) {
      logger.warn({ portalId }, 'HubSpot sent no usable expires_in; assuming 30 minutes');
    }
    const lifetime = answer.expiresInSeconds * 1000;
    const expiresAt = clock.now() + lifetime;
    const refreshDueAt = Math.max(expiresAt - REFRESH_MARGIN_MS - sweepAheadMs(), clock.now() + lifetime / 2);
    return {
      accessToken: answer.accessToken,
      refreshToken: answer.refreshToken ?? refreshTokenInUse,
      accessTokenExpiresAt: new Date(expiresAt),
      refreshDueAt: new Date(refreshDueAt),
    };
  }
}

const notRefreshed = (portalId: number) =>
  new AppError(
    409,
    'not_refreshed',
    `Portal ${portalId} is connected with an access token that does not expire, so there is nothing to refresh. ` +
      `When it was rotated in HubSpot, give this server the new one: installs add ${portalId}.`,
  );

const unavailable = (portalId: number, what: string, retryAfter: number, cause?: HubSpotError) =>
  new AppError(
    503,
    'hubspot_unavailable',
    `Portal ${portalId} cannot be reached now: ${what}. Its tokens are kept. Try again shortly.`,
    { retryAfter, cause },
  );

const isOver = (error: unknown) =>
  error instanceof AppError &&
  (error.code === 'install_needs_reconnect' || error.code === 'install_not_found');
