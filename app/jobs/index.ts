import type { JobHelpers } from 'graphile-worker';
import type { Context } from '../context.ts';
import { oauthStatesStore } from '../db/oauth-states-store.ts';
import type { JobPayloads } from './enqueue.ts';
import { refreshExpiringTokens } from './refresh-expiring-tokens.ts';

type Tasks = {
  [Name in keyof JobPayloads]: (payload: JobPayloads[Name], helpers: JobHelpers) => Promise<void>;
};

const DAY_MS = 24 * 60 * 60 * 1000;

/** Every queued job by name. A job may run twice (its worker can die after the work): make it repeatable. */
export function createTasks(ctx: Context): Tasks {
  const { pool, clock, services } = ctx;
  return {
    'split-webhook-deliveries': () => services.webhooks.splitWaiting(),

    'handle-webhook-event': ({ key }, { job }) =>
      services.webhooks.handle(key, job.attempts >= job.max_attempts),

    'send-timeline-event': ({ portalId, id }) => services.timeline.retry(portalId, id),

    'refresh-expiring-tokens': () => refreshExpiringTokens({ ...ctx, tokens: services.tokens }),

    'prune-oauth-states': () => oauthStatesStore.prune(pool, new Date(clock.now() - DAY_MS)),
  };
}
