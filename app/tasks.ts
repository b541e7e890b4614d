import type { Context } from './context.ts';
import { type JobRunner, startRunner, type Tasks } from './queue/runner.ts';
import { sendForgotten, TIMELINE_QUEUES } from './timeline/jobs.ts';
import { clearOldLoopAlarms } from './webhooks/own-writes/loops.ts';
import { OWN_WRITES_KEPT_MS } from './webhooks/own-writes/service.ts';
import { ownWritesStore } from './webhooks/own-writes/store.ts';
import { LANES } from './webhooks/pipeline/lanes.ts';
import { wakeWebhooks } from './webhooks/pipeline/wake.ts';
import { pruneWebhooks } from './webhooks/prune.ts';
import { clearOldSignatureAlarms } from './webhooks/refusals/signature-alarms.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const PAGE = 5_000;

/** Slow webhook handlers may hold all lanes, and HubSpot all queues of app events; the other jobs still find room. */
const CONCURRENCY = LANES + TIMELINE_QUEUES + 8;

/** Starts running this server's jobs in this process. */
export const startJobRunner = (ctx: Context): Promise<JobRunner> =>
  startRunner({
    pool: ctx.pool,
    locks: ctx.locks,
    logger: ctx.logger,
    concurrency: CONCURRENCY,
    createTasks: (stopping) => createTasks(ctx, stopping),
  });

/**
 * Every queued job by name. A job may run twice, as its worker can die before the result is stored: make it idempotent.
 * @param stopping true when the worker is about to end: long jobs return at the next good moment.
 */
function createTasks(ctx: Context, stopping: () => boolean): Tasks {
  const { pool, clock, installs, services, config } = ctx;
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

    'send-forgotten-timeline-events': () => sendForgotten(pool, services.installs, stopping),

    'refresh-expiring-tokens': () => installs.sweep({ stopping }),

    'prune-install-history': () => installs.pruneHistory(stopping),

    'prune-oauth-states': () => installs.pruneStates(stopping),
  };
}
