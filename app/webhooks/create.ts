import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Pool } from '../db/pool.ts';
import type { WebhookSettingsApi } from '../hubspot/apis/webhook-settings.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import type { ClientSecrets, InstallService } from '../installs/index.ts';
import type { JobService } from '../jobs/index.ts';
import type { TimelineService } from '../timeline/index.ts';
import { webhookDeliveriesStore } from './deliveries-store.ts';
import { createWebhookDispatcher } from './dispatcher.ts';
import type { AnyWebhookHandler } from './handler.ts';
import { createWebhookLedger } from './ledger/service.ts';
import { clearOldLoopAlarms, createWebhookLoops } from './own-writes/loops.ts';
import { OWN_WRITES_KEPT_MS, type OwnWrites } from './own-writes/service.ts';
import { createWebhookBacklog } from './pipeline/backlog.ts';
import { createWebhookLaneRunner } from './pipeline/lane-runner.ts';
import { createLanesAtWork } from './pipeline/lanes.ts';
import { createSplitPortion } from './pipeline/portion.ts';
import { createWebhookReceiver } from './pipeline/receiver.ts';
import { createWebhookSplitter } from './pipeline/splitter.ts';
import { wakeWebhooks } from './pipeline/wake.ts';
import { ERASE_CONTACT, eraseContact } from './privacy/erase-contact.ts';
import { createPrivacyService } from './privacy/service.ts';
import { pruneOwnWrites, pruneWebhooks } from './prune.ts';
import { createRejectedRequests } from './rejected-requests/service.ts';
import { clearOldSignatureAlarms } from './rejected-requests/signature-alarms.ts';
import { createWebhookSubscriptions } from './subscriptions/service.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Names that vendors' handlers cannot use. */
export const BUILT_IN_HANDLERS: readonly string[] = [ERASE_CONTACT];

export type Webhooks = ReturnType<typeof createWebhooks>;

interface Parts {
  pool: Pool;
  /** Separate, so that deliveries are stored while everything else waits for connections. */
  deliveryPool: Pool;
  /**
   * Separate, because a handler that holds a transaction may need a connection of the other pool: with one pool they
   * could deadlock.
   */
  handlerPool: Pool;
  hubspotFor: HubSpotFor;
  installs: Pick<InstallService, 'status'>;
  clientSecrets: Pick<ClientSecrets, 'remember' | 'former'>;
  timeline: Pick<TimelineService, 'send' | 'eraseContact' | 'retryAddressed'>;
  jobs: Pick<JobService, 'enqueueIn'>;
  ownWrites: OwnWrites;
  /** The vendor's handlers. */
  handlers: readonly AnyWebhookHandler[];
  /** Undefined without a developer API key. */
  settingsApi: WebhookSettingsApi | undefined;
  appId: number;
  configuredSecrets: readonly string[];
  serverUrl: string;
  webhookUrl: string | undefined;
  apiUrl: string;
  retentionDays: number;
  clock: Clock;
  logger: Logger;
  handlerTimeoutMs?: number | undefined;
  backlogPatienceMs?: number | undefined;
}

/** Receives, stores and handles HubSpot's webhooks. */
export function createWebhooks(parts: Parts) {
  const { pool, handlers, ownWrites, clock, logger } = parts;
  const privacy = createPrivacyService({ pool, timeline: parts.timeline });
  const builtInHandlers = [eraseContact(privacy)];
  const dispatcher = createWebhookDispatcher({
    pool: parts.handlerPool,
    stepsPool: pool,
    appId: parts.appId,
    firstHandlers: builtInHandlers,
    handlers,
    hubspotFor: parts.hubspotFor,
    timeline: parts.timeline,
    installs: parts.installs,
    jobs: parts.jobs,
    loops: createWebhookLoops({ pool, clock, logger }),
    logger,
    longestRunMs: parts.handlerTimeoutMs,
  });
  const receiver = createWebhookReceiver({ pool: parts.deliveryPool, logger });
  const lanesAtWork = createLanesAtWork();
  const splitPortion = createSplitPortion({ triage: dispatcher.triage, ownWrites, lanesAtWork, logger });
  const splitter = createWebhookSplitter({ pool, splitPortion, lanesAtWork, logger });
  const backlog = createWebhookBacklog({ pool, logger, patienceMs: parts.backlogPatienceMs });
  const lanes = createWebhookLaneRunner({ pool, dispatcher, backlog, lanesAtWork, clock, logger });
  const before = (ms: number) => new Date(clock.now() - ms);

  return {
    receiver,
    privacy,
    ledger: createWebhookLedger({ pool, isWanted: dispatcher.isWanted }),
    rejectedRequests: createRejectedRequests({
      pool,
      clientSecrets: parts.clientSecrets,
      configured: parts.configuredSecrets,
      clock,
      logger,
    }),
    subscriptions: createWebhookSubscriptions({
      handlers: [...handlers, ...builtInHandlers],
      api: parts.settingsApi,
      serverUrl: parts.serverUrl,
      webhookUrl: parts.webhookUrl,
      apiUrl: parts.apiUrl,
    }),

    /** Why deliveries cannot be stored at the moment. */
    storingProblem: receiver.problem,
    /** How long the oldest delivery has waited for a worker. */
    oldestWaitingSeconds: () => webhookDeliveriesStore.oldestWaitingSeconds(pool),

    split: splitter.splitWaiting,
    runLane: lanes.run,
    wake: () => wakeWebhooks(pool),
    async prune(stopping: () => boolean): Promise<void> {
      await pruneWebhooks(pool, before(parts.retentionDays * DAY_MS), stopping);
      await clearOldSignatureAlarms(pool, before(DAY_MS));
      await clearOldLoopAlarms(pool, before(DAY_MS));
    },
    pruneOwnWrites: (stopping: () => boolean) => pruneOwnWrites(pool, before(OWN_WRITES_KEPT_MS), stopping),

    close: () => receiver.close(),
  };
}

/** Writes what the handlers subscribe to into a HubSpot project; needs neither secrets nor a database. */
export function createProjectWriter(parts: Pick<Parts, 'handlers' | 'serverUrl' | 'webhookUrl'>) {
  const erasure = eraseContact({ eraseContact: () => Promise.reject(new Error('no database')) });
  const handlers = [...parts.handlers, erasure];
  const { writeProject } = createWebhookSubscriptions({ ...parts, handlers, api: undefined, apiUrl: '' });
  return { writeProject };
}
