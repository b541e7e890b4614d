import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { KeyRing } from '../db/key-ring.ts';
import type { Pool } from '../db/pool.ts';
import type { SessionLocks } from '../db/session-locks.ts';
import { createAccessTokensApi } from '../hubspot/apis/access-tokens.ts';
import { createAccountApi } from '../hubspot/apis/account.ts';
import { createOAuthApi } from '../hubspot/apis/oauth.ts';
import type { Send } from '../hubspot/client/http.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import type { ApiPaths } from '../hubspot/versions.ts';
import { createRefreshAlarms } from './alarms.ts';
import { createCodeExchange } from './code-exchange.ts';
import { createCompleteInstall } from './complete-install.ts';
import { createExchangeLimit } from './exchange-limit.ts';
import { createLifecycle, type PublishLifecycle } from './lifecycle.ts';
import { createOAuthFlows } from './oauth-flows.ts';
import { pruneHistory, pruneStates } from './prune.ts';
import { createInstallService } from './service.ts';
import type { AppSettings } from './settings.ts';
import { createStates } from './states.ts';
import { createInstallsStore } from './store.ts';
import { createClientSecrets } from './tokens/client-secrets.ts';
import { createKeyService } from './tokens/key-rotation.ts';
import { createTokenService } from './tokens/service.ts';
import { createTokenStore } from './tokens/store.ts';
import { refreshExpiringTokens, type SweepOptions } from './tokens/sweep.ts';
import { createTokenSeal } from './tokens/token-seal.ts';

const FAILED_EXCHANGES_PER_MINUTE = 30;

export type Installs = ReturnType<typeof createInstalls>;

interface Parts {
  readonly app: AppSettings;
  readonly serverUrl: string;
  readonly sessionSecret: string;
  /** Encrypts the tokens. */
  readonly ring: KeyRing;
  readonly pool: Pool;
  readonly locks: SessionLocks;
  readonly http: Send;
  readonly apiPaths: ApiPaths;
  readonly hubspotFor: HubSpotFor;
  readonly publishLifecycle: PublishLifecycle;
  /** Requests per minute that one address may send to the routes of installs; 0 for no limit. */
  readonly installRateLimit: number;
  /** For each of the flows. */
  readonly failedExchangesPerMinute?: number | undefined;
  /** How long a call waits for a refresh while its present token is valid. */
  readonly refreshPatienceMs?: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Builds the feature: the installs of portals, their tokens, and the encryption keys of these. */
export function createInstalls(parts: Parts) {
  const { app, ring, pool, http, apiPaths, clock, logger } = parts;
  const seal = createTokenSeal(ring);
  const store = createInstallsStore(seal);
  const tokenStore = createTokenStore(ring, seal);
  const lifecycle = createLifecycle({ store, publish: parts.publishLifecycle });
  const oauth = createOAuthApi(http, { ...app, clientSecret: app.clientSecrets[0] ?? '' }, apiPaths);
  const accessTokens = createAccessTokensApi(http, apiPaths);
  const shared = { ...parts, store, tokenStore, lifecycle, oauth, accessTokens };
  const tokens = createTokenService(shared);
  const service = createInstallService({ ...shared, tokens });
  const states = createStates(parts);
  const clientSecrets = createClientSecrets({ pool, ring, configured: app.clientSecrets });

  return {
    service,
    tokens,
    clientSecrets,
    flows: createOAuthFlows({
      ...shared,
      states,
      exchange: createCodeExchange({
        ...shared,
        redirectUri: app.redirectUri,
        accountOf: (accessToken) =>
          createAccountApi((request) => http({ ...request, accessToken }), apiPaths).get(),
      }),
      exchangeLimit: createExchangeLimit(exchangeLimits(parts), clock),
      complete: createCompleteInstall({ ...shared, appId: app.appId, states, tokens }),
      status: service.status,
    }),
    keys: createKeyService({ pool, tokenStore, clientSecrets, ring }),
    alarms: createRefreshAlarms(pool, store),

    /** Read by tests and benchmarks; other features use {@link InstallService}. */
    store,
    tokenStore,

    /** Refreshes the tokens that are due. */
    sweep: (options: SweepOptions): Promise<void> =>
      refreshExpiringTokens({ pool, store, tokens, clock, logger }, options),

    pruneHistory: (stopping: () => boolean): Promise<void> => pruneHistory(pool, clock, stopping),

    pruneStates: (stopping: () => boolean): Promise<void> => pruneStates(pool, clock, stopping),
  };
}

function exchangeLimits({
  installRateLimit,
  failedExchangesPerMinute: most = FAILED_EXCHANGES_PER_MINUTE,
}: Parts) {
  // With the default setting ten failures: a person who retries. Without the setting, addresses have no limit of their own.
  return { most, mostPerAddress: installRateLimit === 0 ? most : Math.ceil(installRateLimit / 6) };
}
