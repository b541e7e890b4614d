import type { JobHelpers } from 'graphile-worker';

/** What runs the queued jobs of one name. */
export interface Task {
  readonly name: string;
  readonly run: (payload: never, helpers: JobHelpers) => Promise<void>;
}

/**
 * A kind of queued job. Its feature defines it and enqueues it; `app/tasks.ts` states what runs it. Payloads hold ids,
 * never secrets or personal data.
 */
export interface QueueJob<Payload> {
  readonly name: string;
  /** A job may run twice, as its worker can die before the result is stored: `run` must be idempotent. */
  task(run: (payload: Payload, helpers: JobHelpers) => Promise<void>): Task;
}

/** The payload of a job that needs none. */
export type NoPayload = Record<string, never>;

/** @param name is stored in the queue, so a rename must keep the old name until its waiting jobs have run. */
export const queueJob = <Payload = NoPayload>(name: string): QueueJob<Payload> => ({
  name,
  task: (run) => ({ name, run }),
});
