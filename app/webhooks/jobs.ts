import { queueJob } from '../queue/job.ts';

export const webhookJobs = {
  split: queueJob('split-webhook-deliveries'),
  runLane: queueJob<{ lane: number }>('run-webhook-lane'),
  wake: queueJob('wake-webhooks'),
  prune: queueJob('prune-webhooks'),
  pruneOwnWrites: queueJob('prune-own-writes'),
};
