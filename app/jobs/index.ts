export {
  type AnyJob,
  defineJob,
  type Enqueue,
  type EnqueueOptions,
  type Job,
  type JobContext,
  JobPayloadError,
  type PayloadOf,
  type PayloadSchema,
  parsePayload,
  type ScheduledJob,
  type TypedScheduledJob,
} from './job.ts';
export { createJobs, JOB_QUEUES, type JobRun, type JobService } from './service.ts';
