import type { Clock } from '../clock.ts';
import type { InstallsStore, InstallWithTokens, Tokens } from '../db/installs-store.ts';
import type { Pool } from '../db/pool.ts';
import { inTransaction } from '../db/transaction.ts';
import { AppError, installNotFound, needsReconnect } from '../errors.ts';
import { HubSpotError } from '../hubspot/errors.ts';
import {
  classifyOAuthFailure,
  type OAuthApi,
  type OAuthFailure,
  type TokenAnswer,
} from '../hubspot/oauth.ts';
import type { Logger } from '../logger.ts';

/** How long before its expiry an access token is no longer handed out. */
export const REFRESH_MARGIN_MS = 5 * 60 * 1000;

const LOCK_TIMEOUT_MS = 20_000;
const LOCK_NOT_AVAILABLE = '55P03';

export type TokenService = ReturnType<typeof createTokenService>;

interface Failed {
  readonly failure: OAuthFailure;
  readonly error: HubSpotError;
  readonly install: InstallWithTokens;
}

type Outcome = { readonly token: string } | Failed | 'missing';

interface Dependencies {
  pool: Pool;
  installs: InstallsStore;
  oauth: OAuthApi;
  clock: Clock;
  logger: Logger;
}

/**
 * Access tokens of the installs. A portal's tokens are refreshed by one caller at a time over all processes: the
 * refresher holds the install's row lock, so the lock dies with its holder, and a waiter that gets the lock reads
 * the row again and uses what the other one stored.
 */
export function createTokenService({ pool, installs, oauth, clock, logger }: Dependencies) {
  const refreshing = new Map<number, Promise<string>>();

  return {
    /**
     * A token good for at least the next moments, refreshed when it has five minutes or less to live.
     * @throws {AppError} install_not_found, install_needs_reconnect, hubspot_unavailable, app_misconfigured.
     */
    async accessTokenFor(portalId: number): Promise<string> {
      const install = await load(portalId);
      return isDue(install) ? refreshOnce(portalId, isDue) : install.accessToken;
    },

    /** A token to try after HubSpot refused `refused` with 401: another caller's newer one, or a refreshed one. */
    async renewed(portalId: number, refused: string): Promise<string> {
      const needed = (install: InstallWithTokens) => install.accessToken === refused || isDue(install);
      // The first call may join an attempt that began before the refusal was known.
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const token = await refreshOnce(portalId, needed);
        if (token !== refused) return token;
      }
      throw unavailable(portalId, 'HubSpot refuses its token and gave no new one');
    },

    /** Refreshes when the token expires before `before`; for the sweep. */
    async refreshIfExpiring(portalId: number, before: Date): Promise<void> {
      await refreshOnce(portalId, (install) => install.accessTokenExpiresAt < before);
    },
  };

  function isDue(install: InstallWithTokens): boolean {
    return install.accessTokenExpiresAt.getTime() - clock.now() <= REFRESH_MARGIN_MS;
  }

  async function load(portalId: number): Promise<InstallWithTokens> {
    const install = await installs.findWithTokens(pool, portalId);
    return install ?? failWithoutTokens(portalId);
  }

  async function failWithoutTokens(portalId: number): Promise<never> {
    const install = await installs.find(pool, portalId);
    throw install?.state === 'needs_reconnect' ? needsReconnect(portalId) : installNotFound(portalId);
  }

  /** Callers of this process that want the same portal share one attempt, and with it one connection. */
  async function refreshOnce(
    portalId: number,
    needed: (install: InstallWithTokens) => boolean,
  ): Promise<string> {
    const underWay = refreshing.get(portalId);
    if (underWay) return underWay;
    const attempt = refresh(portalId, needed).finally(() => refreshing.delete(portalId));
    refreshing.set(portalId, attempt);
    return attempt;
  }

  async function refresh(portalId: number, needed: (install: InstallWithTokens) => boolean): Promise<string> {
    const outcome = await inTransaction(pool, async (tx): Promise<Outcome> => {
      await tx.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
      const install = await installs.lockWithTokens(tx, portalId);
      if (!install) return 'missing';
      if (!needed(install)) return { token: install.accessToken };
      try {
        const answer = await oauth.refresh(install.refreshToken);
        const tokens = keep(install, answer);
        await installs.replaceTokens(tx, portalId, install.tokenVersion, tokens);
        logger.info({ portalId, expiresAt: tokens.accessTokenExpiresAt }, 'refreshed the access token');
        return { token: tokens.accessToken };
      } catch (error) {
        if (!(error instanceof HubSpotError)) throw error;
        const failure = classifyOAuthFailure(error, 'refresh');
        if (failure === 'revoked') await installs.end(tx, portalId, 'needs_reconnect');
        return { failure, error, install };
      }
    }).catch((error: Error & { code?: string }) => {
      if (error.code !== LOCK_NOT_AVAILABLE) throw error;
      throw unavailable(portalId, 'another process has been refreshing its token for too long', error);
    });

    if (outcome === 'missing') return failWithoutTokens(portalId);
    return 'token' in outcome ? outcome.token : settleFailure(portalId, outcome);
  }

  function settleFailure(portalId: number, { failure, error, install }: Failed): string {
    switch (failure) {
      case 'revoked':
        logger.warn({ portalId, err: error }, 'HubSpot revoked this install; its tokens are forgotten');
        throw needsReconnect(portalId);
      case 'transient':
        // Early refresh leaves five minutes in which the old token still works.
        if (install.accessTokenExpiresAt.getTime() > clock.now()) return install.accessToken;
        throw unavailable(portalId, 'HubSpot did not refresh its token', error);
      default:
        logger.error(
          { portalId, err: error },
          'HubSpot refuses this app: check HUBSPOT_CLIENT_ID and HUBSPOT_CLIENT_SECRET',
        );
        throw new AppError(
          502,
          'app_misconfigured',
          'HubSpot refuses this app’s client id or secret. No token was touched. The operator finds the reason in the log.',
          { cause: error },
        );
    }
  }

  function keep(install: InstallWithTokens, answer: TokenAnswer): Tokens {
    if (answer.lifetimeAssumed) {
      logger.warn({ portalId: install.portalId }, 'HubSpot sent no usable expires_in; assuming 30 minutes');
    }
    return {
      accessToken: answer.accessToken,
      refreshToken: answer.refreshToken ?? install.refreshToken,
      accessTokenExpiresAt: new Date(clock.now() + answer.expiresInSeconds * 1000),
    };
  }
}

const unavailable = (portalId: number, what: string, cause?: unknown) =>
  new AppError(
    503,
    'hubspot_unavailable',
    `Portal ${portalId} cannot be reached now: ${what}. Its tokens are kept. Try again shortly.`,
    { cause, retryAfter: 5 },
  );
