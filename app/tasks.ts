import type { Context } from './context.ts';
import { JOB_QUEUES } from './jobs/index.ts';
import { type JobRunner, startRunner, type Tasks } from './queue/runner.ts';
import { TIMELINE_QUEUES } from './timeline/index.ts';
import { LANES } from './webhooks/index.ts';

/** Slow handlers may hold all lanes, HubSpot all queues of app events, and slow jobs all queues of the vendor's. */
const CONCURRENCY = LANES + TIMELINE_QUEUES + JOB_QUEUES + 8;

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
function createTasks({ installs, services }: Context, stopping: () => boolean): Tasks {
  const { webhooks, timeline } = services;
  return {
    ...services.jobs.tasks(),

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

    'refresh-expiring-tokens': () => installs.sweep({ stopping }),
    'prune-install-history': () => installs.pruneHistory(stopping),
    'prune-oauth-states': () => installs.pruneStates(stopping),
  };
}
