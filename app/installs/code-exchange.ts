import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '../base/logger.ts';
import type { Pool } from '../db/pool.ts';
import type { AccountDetails } from '../hubspot/apis/account.ts';
import {
  classifyOAuthFailure,
  type OAuthApi,
  type TokenAnswer,
  type TokenInfo,
} from '../hubspot/apis/oauth.ts';
import { HubSpotError, WRONG_REGION } from '../hubspot/client/errors.ts';
import { raiseInstallMisconfigured } from './alarms.ts';
import { installFailed } from './errors.ts';

/** Delays before the two retries, unless HubSpot asks for more. A browser waits meanwhile. */
const RETRY_MS = [500, 2_000];
const LONGEST_MS = 5_000;

/** HubSpot did not process the request: locked, rate-limited, account in another region. */
const NOT_PROCESSED = new Set([423, 429, 477, WRONG_REGION]);

interface Dependencies {
  oauth: OAuthApi;
  /** The account that an access token belongs to. */
  accountOf: (accessToken: string) => Promise<AccountDetails>;
  pool: Pool;
  redirectUri: string;
  logger: Logger;
}

/** The tokens that a code was exchanged for, and the account that they belong to. */
export interface Exchanged {
  readonly answer: TokenAnswer;
  readonly info: TokenInfo;
}

/**
 * Exchanges the code of an install. A code works once, so transient errors are retried where that is safe, and tokens
 * are kept whenever their account is known.
 * @throws {AppError} code_refused, hubspot_unavailable, install_refused, app_misconfigured.
 */
export function createCodeExchange({ oauth, accountOf, pool, redirectUri, logger }: Dependencies) {
  return async (code: string): Promise<Exchanged> => {
    try {
      const answer = await retrying(() => oauth.exchangeCode(code), wasNotProcessed);
      return { answer, info: await identify(answer) };
    } catch (error) {
      throw error instanceof HubSpotError ? await installError(error) : error;
    }
  };

  async function identify({ accessToken, owner }: TokenAnswer): Promise<TokenInfo> {
    try {
      return await retrying(
        () => oauth.introspect(accessToken, 'access_token'),
        (error) => error.transient,
      );
    } catch (error) {
      if (!(error instanceof HubSpotError)) throw error;
      const portalId = owner.portalId ?? (await accountOf(accessToken).catch(() => undefined))?.portalId;
      if (portalId === undefined) throw error;
      logger.warn({ portalId, err: error }, 'HubSpot returned only the account of an install, no details');
      return { active: true, portalId };
    }
  }

  /** Raises the alarm that the error calls for. @returns the error for the page. */
  async function installError(error: HubSpotError) {
    const failure = classifyOAuthFailure(error, 'code');
    if (failure === 'bad_code') return installFailed('code_refused', { cause: error });
    if (failure === 'transient') return installFailed('hubspot_unavailable', { cause: error });
    const settings = `HUBSPOT_CLIENT_ID, HUBSPOT_CLIENT_SECRET and the redirect URL ${redirectUri}`;
    logger.error({ err: error }, 'HubSpot rejected an install');
    if (failure === 'refused') {
      const message = `HubSpot rejected an install (${error.summary}). If others fail too, check ${settings}.`;
      if (hasOAuthCode(error)) await raiseInstallMisconfigured(pool, message);
      return installFailed('install_refused', { cause: error });
    }
    await raiseInstallMisconfigured(pool, `HubSpot rejects this app (${error.summary}): check ${settings}.`);
    return installFailed('app_misconfigured', { cause: error });
  }

  /**
   * Not `withRetries` of the client: that one never retries a 477 without `Retry-After`, which loses the code here, nor
   * a firewall's 403 to an introspection, and it retries for as long as its deadline allows.
   * @param isSafe whether a call that failed with this error may be retried.
   */
  async function retrying<T>(call: () => Promise<T>, isSafe: (error: HubSpotError) => boolean): Promise<T> {
    const deadline = performance.now() + LONGEST_MS;
    for (const ownMs of RETRY_MS) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof HubSpotError) || !isSafe(error)) throw error;
        const waitMs = Math.max(ownMs * (0.75 + Math.random() / 2), (error.retryAfter ?? 0) * 1000);
        if (performance.now() + waitMs > deadline) throw error;
        logger.info({ err: error, retryInMs: Math.round(waitMs) }, 'retrying a step of an install');
        await pause(waitMs);
      }
    }
    return call();
  }
}

const wasNotProcessed = ({ status, sent }: HubSpotError) =>
  !sent || (status !== undefined && NOT_PROCESSED.has(status));

/** Anyone can make up a code: HubSpot's plain "error" about it says nothing about this app's settings. */
function hasOAuthCode({ oauthError, oauthStatus }: HubSpotError): boolean {
  return oauthError !== undefined || oauthStatus !== 'error';
}
