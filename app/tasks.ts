import type { Context } from './context.ts';
import { installJobs } from './installs/index.ts';
import { JOB_QUEUES } from './jobs/index.ts';
import type { Task } from './queue/job.ts';
import { type JobRunner, startRunner } from './queue/runner.ts';
import { TIMELINE_QUEUES, timelineJobs } from './timeline/index.ts';
import { LANES, webhookJobs } from './webhooks/index.ts';

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

/** @param stopping true when the worker is about to end: long jobs return at the next good moment. */
const createTasks = ({ installs, services }: Context, stopping: () => boolean): readonly Task[] => {
  const { webhooks, timeline } = services;
  return [
    ...services.jobs.tasks(),

    webhookJobs.split.task(() => webhooks.split(stopping)),
    webhookJobs.runLane.task(({ lane }) => webhooks.runLane(lane, stopping)),
    webhookJobs.wake.task(() => webhooks.wake()),
    webhookJobs.prune.task(async () => {
      await webhooks.prune(stopping);
      await timeline.prune(stopping);
    }),
    webhookJobs.pruneOwnWrites.task(() => webhooks.pruneOwnWrites(stopping)),

    timelineJobs.send.task(({ portalId, eventType, id }) =>
      eventType === undefined
        ? timeline.retryWithId(portalId, id)
        : timeline.retry({ portalId, eventType, id }),
    ),
    timelineJobs.sendForgotten.task(() => timeline.sendForgotten(stopping)),

    installJobs.refreshExpiringTokens.task(() => installs.sweep({ stopping })),
    installJobs.pruneHistory.task(() => installs.pruneHistory(stopping)),
    installJobs.pruneStates.task(() => installs.pruneStates(stopping)),
  ];
};
