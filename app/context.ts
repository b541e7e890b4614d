import path from 'node:path';
import pTimeout from 'p-timeout';
import integration from '../integration/index.ts';
import { createAlarms, createCallAlarms } from './alarms/index.ts';
import { createApiKeyService } from './api-keys/index.ts';
import { type Clock, systemClock } from './base/clock.ts';
import { lazy, lazyProperties } from './base/lazy.ts';
import type { Logger } from './base/logger.ts';
import { createCardService } from './cards/index.ts';
import type { Config, loadPublicUrls } from './config.ts';
import { CONNECTIONS, createPool, DELIVERY_CONNECTIONS, HANDLER_CONNECTIONS, PATIENCE } from './db/pool.ts';
import { createSessionLocks } from './db/session-locks.ts';
import { createHealth } from './health/index.ts';
import { createSignedRequest } from './http/signature/signed-request.ts';
import { createWebhookSettingsApi } from './hubspot/apis/webhook-settings.ts';
import { createCallBudget } from './hubspot/client/call-budget.ts';
import { createCoalescer } from './hubspot/client/coalesce.ts';
import { createDeveloperSend } from './hubspot/client/developer-send.ts';
import { createHubSpotHttp } from './hubspot/client/http.ts';
import type { Deadlines } from './hubspot/client/portal-send.ts';
import { createPortalClient, type HubSpotFor } from './hubspot/portal-client.ts';
import { PUBLISHED_SCOPES } from './hubspot/published-scopes.ts';
import { createInstalls, createPartnerSignIn } from './installs/index.ts';
import type { Integration } from './integration.ts';
import { checkIntegration } from './integration-check.ts';
import { createJobs } from './jobs/index.ts';
import { createMarketingEvents } from './marketing-events/index.ts';
import { createAppEventNames, createTimeline } from './timeline/index.ts';
import {
  createOwnWrites,
  createProjectWriter,
  createWebhooks,
  hasErasedSince,
  hasEventSince,
  publishLifecycle,
} from './webhooks/index.ts';

/** Closing a connection is quick, unless its server is gone or frozen. */
const LONGEST_CLOSE_MS = 1_000;

/** The vendor's definition, whose scopes and app events are defaults of the settings. */
export { integration };

export type Context = ReturnType<typeof createContext>;

/** What a test may replace. */
export interface Overrides {
  readonly clock?: Clock;
  readonly callDeadlinesMs?: Deadlines;
  readonly callTimeoutMs?: number;
  /** Disables retries of calls to HubSpot. */
  readonly callsOnce?: boolean;
  readonly integration?: Partial<Integration>;
  /** Folder of the vendor's views. */
  readonly views?: string;
  readonly webhookHandlers?: Integration['handlers'];
  /** The timeout of a webhook handler. */
  readonly webhookHandlerMs?: number;
  /** How long webhook handlers wait for the splitting of earlier deliveries. */
  readonly webhookPatienceMs?: number;
  readonly cards?: Integration['cards'];
  readonly failedExchangesPerMinute?: number;
  /** False sends each HubSpot call by itself. */
  readonly coalesceCalls?: boolean;
  /** How long a call waits for a refresh while its present token is valid. */
  readonly refreshPatienceMs?: number;
}

export interface ContextOptions extends Overrides {
  /** Determines the number of connections and how long to wait for the database. By default a worker. */
  readonly process?: 'web' | 'worker' | 'command';
}

/**
 * What the handlers subscribe to, for the project file: needs neither secrets nor a database.
 * @throws {IntegrationError} for an integration that cannot be used.
 */
export async function createProjectSubscriptions({
  serverUrl = '',
  webhookUrl,
}: ReturnType<typeof loadPublicUrls>) {
  await checkIntegration(integration);
  return createProjectWriter({ handlers: integration.handlers, serverUrl, webhookUrl });
}

/** Joins the features. Each is built when it is first used, so that a command builds only what it needs. */
export function createContext(config: Config, logger: Logger, overrides: ContextOptions = {}) {
  const { appId, developerApiKey, apiPaths, apiUrl, clientSecrets: secrets } = config.hubspot;
  const { serverUrl, webhookUrl, sessionSecret } = config;
  const vendor: Integration = { ...integration, ...overrides.integration };
  const handlers = overrides.webhookHandlers ?? vendor.handlers;
  const shownCards = overrides.cards ?? vendor.cards;
  const clock = overrides.clock ?? systemClock;

  const { pool, deliveryPool, handlerPool, ...database } = openDatabase(config, logger, overrides.process);
  const { locks } = database;
  const scopes = [...config.hubspot.scopes, ...config.hubspot.optionalScopes];
  const http = createHubSpotHttp(apiUrl, logger, overrides.callTimeoutMs, scopes);
  const budget = createCallBudget({ pool, limits: config.hubspot.limits, logger });
  const coalescer = createCoalescer({ logger, enabled: overrides.coalesceCalls });
  const callAlarms = createCallAlarms({ pool, logger });
  const ownWrites = createOwnWrites({ pool, appId, clock, logger });
  const hubspotFor: HubSpotFor = (portalId, priority = 'interactive', withinMs) =>
    createPortalClient({
      portalId,
      apiUrl,
      http: ownWrites.through(portalId, http),
      budget,
      coalescer,
      priority,
      watch: callAlarms,
      paths: apiPaths,
      logger,
      deadlinesMs: overrides.callDeadlinesMs,
      endsAt: withinMs === undefined ? undefined : performance.now() + withinMs,
      once: overrides.callsOnce,
      tokens: {
        current: () => installs.tokens.accessTokenFor(portalId),
        renewed: (rejected) => installs.tokens.renewed(portalId, rejected),
        isGiven: () => installs.tokens.isGiven(portalId),
      },
    });
  const shared = { pool, hubspotFor, clock, logger };
  const installs = createInstalls({
    ...shared,
    app: config.hubspot,
    serverUrl,
    sessionSecret,
    ring: config.tokenKeys,
    installRateLimit: config.installRateLimit,
    failedExchangesPerMinute: overrides.failedExchangesPerMinute,
    refreshPatienceMs: overrides.refreshPatienceMs,
    locks,
    http,
    apiPaths,
    publishLifecycle,
  });
  const alarms = createAlarms({ pool, sources: [installs.alarms] });
  const apiKeys = lazy(() => createApiKeyService({ pool, bootstrapKey: config.apiKey }));

  const timeline = lazy(() =>
    createTimeline({
      ...shared,
      installs: installs.service,
      hasErasedSince,
      eventTypes: createAppEventNames(vendor.appEvents, appId, config.hubspot.appEventType),
      retentionDays: config.webhookRetentionDays,
    }),
  );
  const jobs = lazy(() =>
    createJobs({ ...shared, jobs: vendor.jobs, schedule: vendor.schedule, timeline: timeline() }),
  );
  const webhooks = lazy(() =>
    createWebhooks({
      ...shared,
      deliveryPool,
      handlerPool,
      installs: installs.service,
      timeline: timeline(),
      jobs: jobs(),
      clientSecrets: installs.clientSecrets,
      ownWrites,
      handlers,
      settingsApi: developerApiKey
        ? createWebhookSettingsApi(
            createDeveloperSend(http, logger, overrides.callsOnce),
            { appId, developerApiKey },
            apiPaths,
          )
        : undefined,
      appId,
      configuredSecrets: secrets,
      serverUrl,
      webhookUrl,
      apiUrl,
      retentionDays: config.webhookRetentionDays,
      handlerTimeoutMs: overrides.webhookHandlerMs,
      backlogPatienceMs: overrides.webhookPatienceMs,
    }),
  );
  const cards = lazy(() =>
    createCardService({
      cards: shownCards,
      hubspotFor,
      installs: installs.service,
      jobs: jobs(),
      serverUrl,
      sessionSecret,
      changedSince: (record, since) => hasEventSince(pool, record, since),
      clock,
      logger,
    }),
  );

  return {
    /** The app's name, as who installs it sees it. */
    name: vendor.name,
    views: overrides.views ?? path.join(import.meta.dirname, '..', 'integration', 'views'),
    config,
    logger,
    clock,
    pool,
    locks,
    installs,
    signedRequest: createSignedRequest({
      serverUrl,
      webhookUrl,
      clientSecrets: secrets,
      accepted: config.signatureVersions,
      clock,
      onRejected: (rejected) => webhooks().rejectedRequests.note(rejected),
    }),
    hubspotFor,
    services: lazyProperties({
      alarms: () => alarms,
      apiKeys,
      cards,
      health: lazy(() => createHealth({ pool, keys: installs.keys, webhooks: webhooks(), alarms, clock })),
      installs: () => installs.service,
      jobs,
      keys: () => installs.keys,
      oauthFlows: () => installs.flows,
      marketingEvents: lazy(() => createMarketingEvents({ pool })),
      partnerSignIn: lazy(() => vendor.partnerSignIn ?? createPartnerSignIn(apiKeys())),
      timeline,
      tokens: () => installs.tokens,
      webhooks,
    }),
    /** @throws {IntegrationError} for an integration that cannot be used. */
    async checkIntegration(): Promise<void> {
      const known = new Set<string>(PUBLISHED_SCOPES);
      const unknown = scopes.filter((scope) => !known.has(scope));
      if (unknown.length > 0)
        logger.warn({ scopes: unknown }, 'HubSpot documents no such scopes: is there a typing error?');
      await checkIntegration({ ...vendor, handlers, cards: shownCards });
    },

    async close(): Promise<void> {
      await webhooks.made()?.close();
      await installs.tokens.settled();
      await budget.settled();
      await callAlarms.settled();
      await database.close();
    },
  };
}

function openDatabase(config: Config, logger: Logger, kind: ContextOptions['process'] = 'worker') {
  const onLost = (err: Error) => logger.warn({ err }, 'an idle database connection was lost');
  const most = kind === 'web' ? CONNECTIONS - DELIVERY_CONNECTIONS : CONNECTIONS;
  const pool = createPool(config.database, onLost, PATIENCE[kind], most);
  const deliveryPool = createPool(config.database, onLost, PATIENCE[kind], DELIVERY_CONNECTIONS);
  const handlerPool = createPool(config.database, onLost, PATIENCE.handlers, HANDLER_CONNECTIONS);
  const locks = createSessionLocks(config.database, logger, PATIENCE[kind]);
  return {
    pool,
    deliveryPool,
    handlerPool,
    locks,
    /** Connections that are in use or whose server does not answer end with the process. */
    async close(): Promise<void> {
      const ended = [locks.close(), pool.end(), deliveryPool.end(), handlerPool.end()];
      await pTimeout(Promise.all(ended), { milliseconds: LONGEST_CLOSE_MS, message: false });
    },
  };
}
