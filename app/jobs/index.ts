import type { JobHelpers } from 'graphile-worker';
import type { Context } from '../context.ts';
import { oauthStatesStore } from '../db/oauth-states-store.ts';
import { ownWritesStore } from '../db/own-writes-store.ts';
import { OWN_WRITES_KEPT_MS } from '../services/own-writes.ts';
import { clearOldSignatureAlarms } from '../services/signature-alarms.ts';
import { sendForgotten } from '../services/timeline-jobs.ts';
import { clearOldLoopAlarms } from '../services/webhook-loops.ts';
import type { JobPayloads } from './enqueue.ts';
import { pruneInstallHistory, ROUTINE_HISTORY_DAYS } from './prune-install-history.ts';
import { pruneWebhooks } from './prune-webhooks.ts';
import { refreshExpiringTokens } from './refresh-expiring-tokens.ts';
import { wakeWebhooks } from './wake-webhooks.ts';

type Tasks = {
  [Name in keyof JobPayloads]: (payload: JobPayloads[Name], helpers: JobHelpers) => Promise<void>;
};

const DAY_MS = 24 * 60 * 60 * 1000;
const PAGE = 5_000;

/**
 * Every queued job by name. A job may run twice (its worker can die after the work): make it repeatable.
 * @param stopping true when the worker is about to end: long jobs stop at the next good moment.
 */
export function createTasks(ctx: Context, stopping: () => boolean): Tasks {
  const { pool, clock, services, config } = ctx;
  return {
    'split-webhook-deliveries': () => services.webhookSplitter.splitWaiting(stopping),

    'run-webhook-lane': ({ lane }) => services.webhookLanes.run(lane, stopping),

    'wake-webhooks': () => wakeWebhooks(pool),

    'prune-webhooks': async () => {
      await pruneWebhooks(pool, new Date(clock.now() - config.webhookRetentionDays * DAY_MS), stopping);
      await clearOldSignatureAlarms(pool, new Date(clock.now() - DAY_MS));
      await clearOldLoopAlarms(pool, new Date(clock.now() - DAY_MS));
    },

    'prune-own-writes': async () => {
      const before = new Date(clock.now() - OWN_WRITES_KEPT_MS);
      while (!stopping() && (await ownWritesStore.prune(pool, before, PAGE)) === PAGE);
    },

    'send-timeline-event': ({ portalId, eventType, id }) =>
      eventType === undefined
        ? services.timeline.retryWithId(portalId, id)
        : services.timeline.retry({ portalId, eventType, id }),

    'send-forgotten-timeline-events': () => sendForgotten(pool, stopping),

    'refresh-expiring-tokens': () => refreshExpiringTokens({ ...ctx, tokens: services.tokens, stopping }),

    'prune-install-history': () =>
      pruneInstallHistory(
        pool,
        ctx.installs,
        new Date(clock.now() - ROUTINE_HISTORY_DAYS * DAY_MS),
        stopping,
      ),

    'prune-oauth-states': async () => {
      const before = new Date(clock.now() - DAY_MS);
      while (!stopping() && (await oauthStatesStore.prune(pool, before, PAGE)) === PAGE);
    },
  };
}
