import type { JobHelpers } from 'graphile-worker';
import type { Context } from './context.ts';
import { pruneInstallHistory, ROUTINE_HISTORY_DAYS } from './installs/prune-history.ts';
import { oauthStatesStore } from './installs/states-store.ts';
import { refreshExpiringTokens } from './installs/tokens/sweep.ts';
import type { JobPayloads } from './queue/enqueue.ts';
import { sendForgotten } from './timeline/jobs.ts';
import { clearOldLoopAlarms } from './webhooks/own-writes/loops.ts';
import { OWN_WRITES_KEPT_MS } from './webhooks/own-writes/service.ts';
import { ownWritesStore } from './webhooks/own-writes/store.ts';
import { wakeWebhooks } from './webhooks/pipeline/wake.ts';
import { pruneWebhooks } from './webhooks/prune.ts';
import { clearOldSignatureAlarms } from './webhooks/refusals/signature-alarms.ts';

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
    ...services.jobs.tasks(),

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
