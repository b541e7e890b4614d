import integration from '../integration/index.ts';
import { createPortalAlarms } from './alarms/portal-alarms.ts';
import { createApiKeyService } from './api-keys/service.ts';
import { type Clock, systemClock } from './base/clock.ts';
import type { Logger } from './base/logger.ts';
import { withinTime } from './base/within-time.ts';
import { createCardService } from './cards/service.ts';
import type { Config } from './config.ts';
import { CONNECTIONS, createPool, DELIVERY_CONNECTIONS, HANDLER_CONNECTIONS, PATIENCE } from './db/pool.ts';
import { createSessionLocks } from './db/session-locks.ts';
import { createHealthService } from './health/service.ts';
import { createSignedRequest } from './http/signature/signed-request.ts';
import { createAccessTokensApi } from './hubspot/apis/access-tokens.ts';
import { createAccountApi } from './hubspot/apis/account.ts';
import { createOAuthApi } from './hubspot/apis/oauth.ts';
import { createWebhookSettingsApi } from './hubspot/apis/webhook-settings.ts';
import { createCallBudget } from './hubspot/client/call-budget.ts';
import { createDeveloperSend } from './hubspot/client/developer-send.ts';
import { createHubSpotHttp } from './hubspot/client/http.ts';
import type { Deadlines } from './hubspot/client/portal-send.ts';
import { createPortalClient, type HubSpotFor } from './hubspot/portal-client.ts';
import { createPartnerSignIn } from './installs/partner-sign-in.ts';
import { createInstallService } from './installs/service.ts';
import { createInstallsStore } from './installs/store.ts';
import { createClientSecretsStore } from './installs/tokens/client-secrets-store.ts';
import { createKeyService } from './installs/tokens/key-rotation.ts';
import { createTokenService } from './installs/tokens/service.ts';
import type { Integration } from './integration.ts';
import { createMarketingEventService } from './marketing-events/service.ts';
import { checkRegistries } from './registry-check.ts';
import { createTimelineService } from './timeline/service.ts';
import { createWebhookDispatcher } from './webhooks/dispatcher.ts';
import { createWebhookLedger } from './webhooks/ledger/service.ts';
import { createWebhookLoops } from './webhooks/own-writes/loops.ts';
import { createOwnWrites } from './webhooks/own-writes/service.ts';
import { createWebhookBacklog } from './webhooks/pipeline/backlog.ts';
import { createWebhookLaneRunner } from './webhooks/pipeline/lane-runner.ts';
import { createLanesAtWork } from './webhooks/pipeline/lanes.ts';
import { createWebhookReceiver } from './webhooks/pipeline/receiver.ts';
import { createWebhookSplitter } from './webhooks/pipeline/splitter.ts';
import { eraseContact } from './webhooks/privacy/erase-contact.ts';
import { createPrivacyService } from './webhooks/privacy/service.ts';
import { createRefusalService } from './webhooks/refusals/service.ts';
import { createWebhookSubscriptions, type WebhookSubscriptions } from './webhooks/subscriptions/service.ts';

/** Closing a connection takes a moment, unless its server is gone or frozen. */
const LONGEST_CLOSE_MS = 1_000;

export type Context = ReturnType<typeof createContext>;

/** What a test may put in place of the real thing. */
export interface Overrides {
  readonly clock?: Clock;
  readonly callDeadlinesMs?: Deadlines;
  readonly callTimeoutMs?: number;
  /** No call to HubSpot is sent again. */
  readonly callsOnce?: boolean;
  readonly webhookHandlers?: Integration['handlers'];
  /** After how long a webhook handler is given up. */
  readonly webhookHandlerMs?: number;
  /** For how long webhook handlers wait for what was stored before to be split. */
  readonly webhookPatienceMs?: number;
  readonly cards?: Integration['cards'];
  readonly failedExchangesPerMinute?: number;
}

/** What the kinds of processes differ in; a test may replace more. */
export interface ContextOptions extends Overrides {
  /** For how long this kind of process waits for the database. A worker, when absent. */
  readonly process?: 'web' | 'worker' | 'command';
}

/**
 * What the handlers subscribe to, for the project file: needs neither secrets nor a database.
 * @throws {RegistryError} for handlers or cards that cannot be used.
 */
export function createProjectSubscriptions(urls: {
  serverUrl: string | undefined;
  webhookUrl: string | undefined;
}): Pick<WebhookSubscriptions, 'writeProject'> {
  const { handlers, cards } = integration;
  const erasure = eraseContact({ eraseContact: () => Promise.reject(new Error('no database')) });
  checkRegistries(handlers, cards, [erasure.name]);
  const { serverUrl = '', webhookUrl } = urls;
  const all = [...handlers, erasure];
  return createWebhookSubscriptions({ handlers: all, api: undefined, serverUrl, webhookUrl, apiUrl: '' });
}

/** Builds everything once and hands it down. `close` ends what was opened. */
export function createContext(config: Config, logger: Logger, overrides: ContextOptions = {}) {
  const handlers = overrides.webhookHandlers ?? integration.handlers;
  const shownCards = overrides.cards ?? integration.cards;
  const clock = overrides.clock ?? systemClock;
  const lost = (err: Error) => logger.warn({ err }, 'an idle database connection was lost');
  const patience = PATIENCE[overrides.process ?? 'worker'];
  const most = overrides.process === 'web' ? CONNECTIONS - DELIVERY_CONNECTIONS : CONNECTIONS;
  const pool = createPool(config.database, lost, patience, most);
  const deliveryPool = createPool(config.database, lost, patience, DELIVERY_CONNECTIONS);
  // Apart, because a handler that holds a transaction may need the other pool: out of one they could wait for each
  // other for ever.
  const handlerPool = createPool(config.database, lost, PATIENCE.handlers, HANDLER_CONNECTIONS);
  const locks = createSessionLocks(config.database, logger, patience);
  const installs = createInstallsStore(config.tokenKeys);
  const clientSecrets = createClientSecretsStore(config.tokenKeys);
  const { appId, developerApiKey, apiPaths, apiUrl, scopes, optionalScopes } = config.hubspot;
  const http = createHubSpotHttp(apiUrl, logger, overrides.callTimeoutMs, [...scopes, ...optionalScopes]);
  const [clientSecret = ''] = config.hubspot.clientSecrets;
  const oauth = createOAuthApi(http, { ...config.hubspot, clientSecret }, apiPaths);
  const accessTokens = createAccessTokensApi(http, apiPaths);
  const tokens = createTokenService({ pool, locks, installs, oauth, accessTokens, clock, logger });
  const portalAlarms = createPortalAlarms({ pool, logger });
  const budget = createCallBudget({ pool, limits: config.hubspot.limits, logger });
  const ownWrites = createOwnWrites({ pool, appId, clock, logger });
  const hubspotFor: HubSpotFor = (portalId, priority = 'interactive', withinMs) =>
    createPortalClient({
      portalId,
      apiUrl,
      http: ownWrites.through(portalId, http),
      budget,
      priority,
      watch: portalAlarms,
      paths: apiPaths,
      logger,
      deadlinesMs: overrides.callDeadlinesMs,
      endsAt: withinMs === undefined ? undefined : performance.now() + withinMs,
      once: overrides.callsOnce,
      tokens: {
        current: () => tokens.accessTokenFor(portalId),
        renewed: (refused) => tokens.renewed(portalId, refused),
        isGiven: () => tokens.isGiven(portalId),
      },
    });
  const installService = createInstallService({
    config,
    pool,
    locks,
    installs,
    oauth,
    accessTokens,
    tokens,
    hubspotFor,
    accountOf: (accessToken) =>
      createAccountApi((request) => http({ ...request, accessToken }), apiPaths).get(),
    clock,
    logger,
    failedExchangesPerMinute: overrides.failedExchangesPerMinute,
  });
  const timeline = createTimelineService({
    pool,
    installs,
    hubspotFor,
    eventType: config.hubspot.appEventType,
    logger,
  });
  const keys = createKeyService({ pool, installs, clientSecrets, ring: config.tokenKeys });
  const apiKeys = createApiKeyService({ pool, bootstrapKey: config.apiKey });
  const webhookReceiver = createWebhookReceiver({ pool: deliveryPool, logger });
  const privacy = createPrivacyService({ pool });
  const refusals = createRefusalService({
    pool,
    clientSecrets,
    configured: config.hubspot.clientSecrets,
    clock,
    logger,
  });
  const firstHandlers = [eraseContact(privacy)];
  const lanesAtWork = createLanesAtWork();
  const dispatcher = createWebhookDispatcher({
    pool: handlerPool,
    appId,
    firstHandlers,
    handlers,
    hubspotFor,
    timeline,
    installs: installService,
    loops: createWebhookLoops({ pool, clock, logger }),
    logger,
    longestRunMs: overrides.webhookHandlerMs,
  });

  return {
    config,
    logger,
    clock,
    pool,
    locks,
    installs,
    accessTokens,
    signedRequest: createSignedRequest({
      serverUrl: config.serverUrl,
      webhookUrl: config.webhookUrl,
      clientSecrets: config.hubspot.clientSecrets,
      accepted: config.signatureVersions,
      clock,
      onRefused: refusals.note,
    }),
    hubspotFor,
    services: {
      apiKeys,
      cards: createCardService({
        cards: shownCards,
        hubspotFor,
        installs: installService,
        serverUrl: config.serverUrl,
        sessionSecret: config.sessionSecret,
        clock,
      }),
      health: createHealthService({ pool, keys, receiver: webhookReceiver, clock }),
      installs: installService,
      keys,
      marketingEvents: createMarketingEventService({ pool }),
      partnerSignIn: createPartnerSignIn(apiKeys),
      portalAlarms,
      timeline,
      tokens,
      privacy,
      refusals,
      webhookLedger: createWebhookLedger({ pool, isWanted: dispatcher.isWanted }),
      webhookReceiver,
      webhookSplitter: createWebhookSplitter({
        pool,
        triage: dispatcher.triage,
        ownWrites,
        lanesAtWork,
        logger,
      }),
      webhookSubscriptions: createWebhookSubscriptions({
        handlers: [...handlers, ...firstHandlers],
        api: developerApiKey
          ? createWebhookSettingsApi(
              createDeveloperSend(http, logger, overrides.callsOnce),
              { appId, developerApiKey },
              apiPaths,
            )
          : undefined,
        serverUrl: config.serverUrl,
        webhookUrl: config.webhookUrl,
        apiUrl,
      }),
      webhookLanes: createWebhookLaneRunner({
        pool,
        dispatcher,
        backlog: createWebhookBacklog({ pool, logger, patienceMs: overrides.webhookPatienceMs }),
        lanesAtWork,
        clock,
        logger,
      }),
    },
    /** @throws {RegistryError} for handlers or cards that cannot be used. */
    checkRegistries: () =>
      checkRegistries(
        handlers,
        shownCards,
        firstHandlers.map(({ name }) => name),
      ),

    async close(): Promise<void> {
      await webhookReceiver.close();
      await tokens.settled();
      await budget.settled();
      await portalAlarms.settled();
      // Connections that are in use, or whose server does not answer, end with the process.
      const pools = [pool, deliveryPool, handlerPool];
      await withinTime(Promise.all([locks.close(), ...pools.map((one) => one.end())]), LONGEST_CLOSE_MS);
    },
  };
}
