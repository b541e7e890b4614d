export {
  type AnyJob,
  defineJob,
  type Enqueue,
  type EnqueueOptions,
  type Job,
  type JobContext,
  type PayloadOf,
  type PayloadSchema,
  type ScheduledJob,
  type TypedScheduledJob,
} from './job.ts';
export { jobProblems } from './job-check.ts';
export { createJobs, JOB_QUEUES, type JobRun, type JobService } from './service.ts';
