import type { Clock } from '../../base/clock.ts';
import { type AppError, needsReconnect } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Pool } from '../../db/pool.ts';
import { inTransaction } from '../../db/transaction.ts';
import { classifyOAuthFailure } from '../../hubspot/apis/oauth.ts';
import type { HubSpotError } from '../../hubspot/client/errors.ts';
import { APP_MISCONFIGURED, clearAppMisconfigured, REJECTS_APP, raiseAppMisconfigured } from '../alarms.ts';
import type { RefreshNote } from '../history-store.ts';
import type { InstallWithTokens, OpenInstall } from '../install.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { InstallsStore } from '../store.ts';
import { unavailable } from './errors.ts';
import { retryDelayMs } from './refresh-timing.ts';
import type { StoredTokens } from './stored-tokens.ts';

/** HubSpot rejects the app, so that every refresh would fail alike: for this long none is sent. */
const APP_PAUSE_MS = 5_000;

/** A portal whose refresh fails because of the app is retried soon after the operator has corrected the settings. */
const LONGEST_APP_RETRY_MS = 60_000;

export type RefreshFailures = ReturnType<typeof createRefreshFailures>;

interface Dependencies {
  pool: Pool;
  store: Pick<InstallsStore, 'backOff'>;
  lifecycle: Lifecycle;
  stored: Pick<StoredTokens, 'load'>;
  addNote: (note: RefreshNote) => Promise<void>;
  clock: Clock;
  logger: Logger;
}

interface BackOff {
  readonly delay: number;
  readonly reason: string;
  readonly level: 'warn' | 'error';
  /** HubSpot refuses this account alone, which raises an alarm. */
  readonly isRefused?: boolean;
}

/** What a failed refresh means: the install has ended, is retried later, or the app is not set up correctly. */
export function createRefreshFailures(dependencies: Dependencies) {
  const { pool, store, lifecycle, stored, addNote, clock, logger } = dependencies;
  let appRejected = { until: 0, error: undefined as AppError | undefined };
  /** The first portal since the last successful refresh whose refresh failed with `unauthorized`. */
  let firstUnauthorized: number | undefined;

  return {
    /** @throws {AppError} app_misconfigured while refreshes are paused because HubSpot rejects the app. */
    throwIfAppRejected(): void {
      if (appRejected.error && clock.now() < appRejected.until) throw appRejected.error;
    },

    /** Records the failure and throws its error. @returns the token when another one was stored meanwhile. */
    async handle(install: InstallWithTokens, error: HubSpotError): Promise<string> {
      const failure = classifyOAuthFailure(error, 'refresh');
      const delay = retryDelayMs(install.refreshFailures, error);
      switch (failure) {
        case 'revoked':
          return end(install, `HubSpot: ${error.oauthStatus ?? error.oauthError}`, error);

        case 'transient':
          return retryLater(install, error, delay);

        case 'refused':
          return refused(install, error, delay, error.summary);

        case 'configuration':
        case 'bad_code': {
          const rejected = await rejectApp(error);
          await addNote({ install, toState: install.state, reason: REJECTS_APP + error.summary });
          throw rejected;
        }

        case 'unauthorized':
          return unauthorized(install, error, Math.min(delay, LONGEST_APP_RETRY_MS));

        default:
          return failure satisfies never;
      }
    },

    end,

    /** A refresh succeeded: clears what its success disproves. Writes only after a failure of this process. */
    async succeeded(): Promise<void> {
      const wasRejected = appRejected.error !== undefined;
      appRejected = { until: 0, error: undefined };
      firstUnauthorized = undefined;
      if (wasRejected) await clearAppMisconfigured(pool);
    },
  };

  async function retryLater(install: InstallWithTokens, error: HubSpotError, delay: number): Promise<string> {
    const { portalId } = install;
    const newer = await backOff(install, error, { delay, reason: error.summary, level: 'warn' });
    if (newer !== undefined) return newer;
    const region = error.correctHublet ? ` (the account is in ${error.correctHublet})` : '';
    throw unavailable(portalId, `HubSpot did not refresh its token${region}`, Math.ceil(delay / 1000), error);
  }

  async function refused(
    install: InstallWithTokens,
    error: HubSpotError,
    delay: number,
    reason: string,
  ): Promise<string> {
    const newer = await backOff(install, error, { delay, reason, level: 'error', isRefused: true });
    if (newer !== undefined) return newer;
    const what = `HubSpot refuses to refresh its token (${error.summary})`;
    throw unavailable(install.portalId, what, Math.ceil(delay / 1000), error);
  }

  /** Whether HubSpot rejects the app or this account's grant is not known until a second portal fails alike. */
  async function unauthorized(
    install: InstallWithTokens,
    error: HubSpotError,
    delay: number,
  ): Promise<string> {
    const reason = REJECTS_APP + error.summary;
    firstUnauthorized ??= install.portalId;
    const concernsOthers = appRejected.error !== undefined || firstUnauthorized !== install.portalId;
    if (!concernsOthers) return refused(install, error, delay, reason);
    const rejected = await rejectApp(error);
    const newer = await backOff(install, error, { delay, reason, level: 'error' });
    if (newer !== undefined) return newer;
    throw rejected;
  }

  /** Raises the alarm and pauses the refreshes of all portals. @returns the error for their callers. */
  async function rejectApp(error: HubSpotError): Promise<AppError> {
    logger.error({ err: error, alarm: APP_MISCONFIGURED }, 'HubSpot rejects this app; no token was touched');
    const rejected = await raiseAppMisconfigured(pool, error);
    appRejected = { until: clock.now() + APP_PAUSE_MS, error: rejected };
    return rejected;
  }

  /** Keeps the tokens and retries after `delay` ms. @returns the token when another one was stored meanwhile. */
  async function backOff(
    { portalId, tokenVersion }: InstallWithTokens,
    error: HubSpotError,
    { delay, reason, level, isRefused = false }: BackOff,
  ): Promise<string | undefined> {
    const dueAt = new Date(clock.now() + delay);
    if (!(await store.backOff(pool, portalId, tokenVersion, { dueAt, reason, isRefused })))
      return (await stored.load(portalId)).accessToken;
    logger[level](
      { portalId, err: error, retryInMs: delay },
      'HubSpot did not refresh a token; the refresh will be retried',
    );
    return undefined;
  }

  /** Ends an install that HubSpot has ended. @returns the token when another one was stored meanwhile. */
  async function end(install: OpenInstall, reason: string, cause?: HubSpotError): Promise<string> {
    const { portalId, kind, tokenVersion } = install;
    const ended = await inTransaction(pool, (tx) =>
      lifecycle.end(tx, portalId, {
        seen: { tokenVersion },
        state: 'needs_reconnect',
        reason,
        now: clock.now(),
      }),
    );
    // A reinstall has replaced what HubSpot refused.
    if (!ended) return (await stored.load(portalId)).accessToken;
    logger.warn({ portalId, reason, err: cause }, 'HubSpot ended this install; its tokens are deleted');
    throw needsReconnect(portalId, kind);
  }
}
