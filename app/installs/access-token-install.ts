import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Pool } from '../db/pool.ts';
import { inTransaction } from '../db/transaction.ts';
import type { AccessTokenInfo, AccessTokensApi } from '../hubspot/apis/access-tokens.ts';
import { HOLDS_TOKENS } from './install.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { AppSettings } from './settings.ts';
import type { InstallsStore } from './store.ts';
import type { TokenService } from './tokens/service.ts';

/** HubSpot's tokens have about fifty characters; other characters could not be sent in a header. */
const TOKEN = /^[\x21-\x7e]{8,1024}$/;

export interface AccessTokenDependencies {
  app: Pick<AppSettings, 'appId'>;
  pool: Pool;
  store: Pick<InstallsStore, 'find'>;
  lifecycle: Lifecycle;
  accessTokens: AccessTokensApi;
  tokens: Pick<TokenService, 'forget'>;
  clock: Clock;
  logger: Logger;
}

/** Connects an account of the operator's own with an access token of a private app or a service key. */
export function createAccessTokenInstall(dependencies: AccessTokenDependencies) {
  const { app, pool, store, lifecycle, accessTokens, tokens, clock, logger } = dependencies;

  /**
   * Stores the token once HubSpot has confirmed that it belongs to the account. It replaces an earlier one.
   * @throws {AppError} access_token_refused, access_token_of_other_portal, connected_by_oauth: nothing is changed.
   * @throws {HubSpotError} when HubSpot does not answer.
   */
  return async (portalId: number, accessToken: string): Promise<AccessTokenInfo> => {
    const info = TOKEN.test(accessToken) ? await accessTokens.describe(accessToken) : undefined;
    if (!info) throw invalidToken();
    if (info.portalId !== portalId) throw ofOtherPortal(portalId, info.portalId);
    await inTransaction(pool, async (tx) => {
      const former = await store.find(tx, portalId);
      if (former?.kind === 'oauth' && HOLDS_TOKENS.includes(former.state)) throw connectedByOAuth(portalId);
      const install = {
        portalId,
        kind: 'access_token' as const,
        accessToken,
        appId: info.appId ?? app.appId,
        userId: info.userId ?? null,
        userEmail: null,
        hubDomain: null,
        partnerUser: null,
        scopes: info.scopes ?? [],
      };
      await lifecycle.begin(tx, install, clock.now());
    });
    tokens.forget(portalId);
    logger.info({ portalId }, 'an access token was added');
    return info;
  };
}

const invalidToken = () =>
  new AppError(
    400,
    'access_token_refused',
    'HubSpot does not accept this access token. Nothing was stored. Copy it anew from the app or service key in HubSpot.',
  );

const ofOtherPortal = (portalId: number, owner: number) =>
  new AppError(
    409,
    'access_token_of_other_portal',
    `This access token is of portal ${owner}, not of ${portalId}. Nothing was stored.`,
  );

const connectedByOAuth = (portalId: number) =>
  new AppError(
    409,
    'connected_by_oauth',
    `Portal ${portalId} has installed this app, which gives it tokens of its own. Nothing was stored. ` +
      `Disconnect it first: installs disconnect ${portalId}.`,
  );
