import type { JobHelpers } from 'graphile-worker';
import type { Context } from './context.ts';
import { pruneInstallHistory, ROUTINE_HISTORY_DAYS } from './installs/prune-history.ts';
import { oauthStatesStore } from './installs/states-store.ts';
import { refreshExpiringTokens } from './installs/tokens/sweep.ts';
import type { JobPayloads } from './queue/enqueue.ts';

type Tasks = {
  [Name in keyof JobPayloads]: (payload: JobPayloads[Name], helpers: JobHelpers) => Promise<void>;
};

const DAY_MS = 24 * 60 * 60 * 1000;
const PAGE = 5_000;

/**
 * Every queued job by name. A job may run twice, because its worker can die after the work: make it idempotent.
 * @param stopping true when the worker is stopping: long jobs end early.
 */
export function createTasks(ctx: Context, stopping: () => boolean): Tasks {
  const { pool, clock, services } = ctx;
  const { webhooks, timeline, tokens } = services;
  return {
    'split-webhook-deliveries': () => webhooks.split(stopping),
    'run-webhook-lane': ({ lane }) => webhooks.runLane(lane, stopping),
    'wake-webhooks': () => webhooks.wake(),
    'prune-webhooks': async () => {
      await webhooks.prune(stopping);
      await timeline.prune(stopping);
    },
    'prune-own-writes': () => webhooks.pruneOwnWrites(stopping),

    'send-timeline-event': ({ portalId, eventType, id }) =>
      eventType === undefined
        ? timeline.retryWithId(portalId, id)
        : timeline.retry({ portalId, eventType, id }),
    'send-forgotten-timeline-events': () => timeline.sendForgotten(stopping),

    'refresh-expiring-tokens': () => refreshExpiringTokens({ ...ctx, tokens, stopping }),
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
