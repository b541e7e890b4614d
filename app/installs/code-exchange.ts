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

/** Waits before the second and the third try, unless HubSpot asks for more. A browser waits meanwhile. */
const TRY_AGAIN_MS = [500, 2_000];
const LONGEST_MS = 5_000;

/** HubSpot did nothing with the request: locked, rate limit, account in another region. */
const NOT_DONE = new Set([423, 429, 477, WRONG_REGION]);

interface Dependencies {
  oauth: OAuthApi;
  /** The account that an access token belongs to. */
  accountOf: (accessToken: string) => Promise<AccountDetails>;
  pool: Pool;
  redirectUri: string;
  logger: Logger;
}

/** The tokens that a code was exchanged for, and whose they are. */
export interface Exchanged {
  readonly answer: TokenAnswer;
  readonly info: TokenInfo;
}

/**
 * Exchanges the code of an install. A code works once, so passing trouble is met with a few tries where they are
 * safe, and tokens that came are kept as long as it is known which account they are for.
 * @throws {AppError} code_refused, hubspot_unavailable, install_refused, app_misconfigured.
 */
export function createCodeExchange({ oauth, accountOf, pool, redirectUri, logger }: Dependencies) {
  return async (code: string): Promise<Exchanged> => {
    try {
      const answer = await severalTries(() => oauth.exchangeCode(code), wasNotDone);
      return { answer, info: await identify(answer) };
    } catch (error) {
      throw error instanceof HubSpotError ? await explain(error) : error;
    }
  };

  async function identify({ accessToken, owner }: TokenAnswer): Promise<TokenInfo> {
    try {
      return await severalTries(
        () => oauth.introspect(accessToken, 'access_token'),
        (error) => error.transient,
      );
    } catch (error) {
      if (!(error instanceof HubSpotError)) throw error;
      const portalId = owner.portalId ?? (await accountOf(accessToken).catch(() => undefined))?.portalId;
      if (portalId === undefined) throw error;
      logger.warn({ portalId, err: error }, 'HubSpot named the account of an install, and no more of it');
      return { active: true, portalId };
    }
  }

  async function explain(error: HubSpotError) {
    const failure = classifyOAuthFailure(error, 'code');
    if (failure === 'bad_code') return installFailed('code_refused', error);
    if (failure === 'transient') return installFailed('hubspot_unavailable', error);
    const settings = `HUBSPOT_CLIENT_ID, HUBSPOT_CLIENT_SECRET and the redirect URL ${redirectUri}`;
    logger.error({ err: error }, 'HubSpot refused an install');
    if (failure === 'refused') {
      const message = `HubSpot refused an install (${error.summary}). If others fail too, check ${settings}.`;
      if (hasOAuthWord(error)) await raiseInstallMisconfigured(pool, message);
      return installFailed('install_refused', error);
    }
    await raiseInstallMisconfigured(pool, `HubSpot refuses this app (${error.summary}): check ${settings}.`);
    return installFailed('app_misconfigured', error);
  }

  /** @param isSafe whether a call that failed so may be sent again. */
  async function severalTries<T>(
    call: () => Promise<T>,
    isSafe: (error: HubSpotError) => boolean,
  ): Promise<T> {
    const giveUpAt = performance.now() + LONGEST_MS;
    for (const ownMs of TRY_AGAIN_MS) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof HubSpotError) || !isSafe(error)) throw error;
        const waitMs = Math.max(ownMs * (0.75 + Math.random() / 2), (error.retryAfter ?? 0) * 1000);
        if (performance.now() + waitMs > giveUpAt) throw error;
        logger.info({ err: error, retryInMs: Math.round(waitMs) }, 'a step of an install is tried again');
        await pause(waitMs);
      }
    }
    return call();
  }
}

const wasNotDone = ({ status, sent }: HubSpotError) =>
  !sent || (status !== undefined && NOT_DONE.has(status));

/** Strangers may bring any code: HubSpot's plain "error" about one says nothing of this app's settings. */
function hasOAuthWord({ oauthError, oauthStatus }: HubSpotError): boolean {
  return oauthError !== undefined || oauthStatus !== 'error';
}
