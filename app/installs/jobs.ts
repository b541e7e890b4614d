import { queueJob } from '../queue/job.ts';

export const installJobs = {
  refreshExpiringTokens: queueJob('refresh-expiring-tokens'),
  pruneStates: queueJob('prune-oauth-states'),
  pruneHistory: queueJob('prune-install-history'),
};
