import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Config } from '../config.ts';
import type { Pool } from '../db/pool.ts';
import { inTransaction } from '../db/transaction.ts';
import type { AccessTokenInfo, AccessTokensApi } from '../hubspot/apis/access-tokens.ts';
import { publishLifecycle } from '../webhooks/lifecycle-events.ts';
import type { InstallState, InstallsStore } from './store.ts';
import type { TokenService } from './tokens/service.ts';

/** HubSpot's are some fifty characters; what cannot stand in a header is no token. */
const TOKEN = /^[\x21-\x7e]{8,1024}$/;

const HOLDS_TOKENS: readonly InstallState[] = ['active', 'backing_off'];

interface Dependencies {
  config: Config;
  pool: Pool;
  installs: InstallsStore;
  accessTokens: AccessTokensApi;
  tokens: Pick<TokenService, 'forget'>;
  clock: Clock;
  logger: Logger;
}

/** The way in for an account of the operator's own: an access token of a private app or a service key. */
export function createAccessTokenInstall(dependencies: Dependencies) {
  const { config, pool, installs, accessTokens, tokens, clock, logger } = dependencies;

  /**
   * Stores the token once HubSpot has said that it is the account's. One that is there already is replaced.
   * @throws {AppError} access_token_refused, access_token_of_other_portal, connected_by_oauth: nothing is changed.
   * @throws {HubSpotError} when HubSpot does not say.
   */
  return async (portalId: number, accessToken: string): Promise<AccessTokenInfo> => {
    const info = TOKEN.test(accessToken) ? await accessTokens.describe(accessToken) : undefined;
    if (!info) throw refused();
    if (info.portalId !== portalId) throw ofOtherPortal(portalId, info.portalId);
    await inTransaction(pool, async (tx) => {
      const former = await installs.find(tx, portalId);
      if (former?.kind === 'oauth' && HOLDS_TOKENS.includes(former.state)) throw connectedByOAuth(portalId);
      const { installId, begun } = await installs.save(tx, {
        portalId,
        kind: 'access_token',
        accessToken,
        appId: info.appId ?? config.hubspot.appId,
        userId: info.userId ?? null,
        userEmail: null,
        hubDomain: null,
        partnerUser: null,
        scopes: info.scopes ?? [],
      });
      if (begun) await publishLifecycle(tx, 'app.installed', portalId, installId, clock.now());
    });
    tokens.forget(portalId);
    logger.info({ portalId }, 'an access token was added');
    return info;
  };
}

const refused = () =>
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
