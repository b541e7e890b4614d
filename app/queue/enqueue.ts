import type { Db } from '../db/pool.ts';
import type { QueueJob } from './job.ts';
import { untilAdded } from './workarounds/until-added.ts';

export interface JobOptions {
  /** Jobs with the same key are one job until it starts. */
  readonly jobKey?: string | undefined;
  readonly runAt?: Date | undefined;
  /** Jobs of one queue run one after another, over all workers. */
  readonly queue?: string | undefined;
  /** Of the jobs that are due, those with a lower number start first. By default 0. */
  readonly priority?: number | undefined;
  /** Keeps the `runAt` of the waiting job with this key. By default the new `runAt` replaces it. */
  readonly keepsRunAt?: boolean | undefined;
  /** By default 25, which takes four days. */
  readonly maxAttempts?: number | undefined;
}

/** Adds a job in the transaction that stores its data, so that both are committed or neither. */
export async function enqueue<Payload>(
  db: Db,
  job: QueueJob<Payload>,
  payload: Payload,
  options: JobOptions,
): Promise<void> {
  await enqueueAll(db, job, [{ payload, ...options }]);
}

/** Adds several jobs, in order, with one statement. */
export async function enqueueAll<Payload>(
  db: Db,
  { name }: QueueJob<Payload>,
  jobs: readonly ({ readonly payload: Payload } & JobOptions)[],
): Promise<void> {
  await untilAdded(jobs, async (left) => {
    const { rows } = await db.query<{ id: number | null }>({
      name: 'add-jobs',
      text: `select (graphile_worker.add_job($1, payload, run_at := run_at, queue_name := queue, job_key := key,
          job_key_mode := mode, max_attempts := attempts, priority := priority)).id
        from unnest($2::json[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::int[],
          $8::int[]) as job (payload, run_at, queue, key, mode, attempts, priority)`,
      values: [
        name,
        left.map(({ payload }) => JSON.stringify(payload)),
        left.map(({ runAt }) => runAt ?? null),
        left.map(({ queue }) => queue ?? null),
        left.map(({ jobKey }) => jobKey ?? null),
        left.map(({ keepsRunAt }) => (keepsRunAt ? 'preserve_run_at' : 'replace')),
        left.map(({ maxAttempts }) => maxAttempts ?? null),
        left.map(({ priority }) => priority ?? null),
      ],
    });
    return rows.map(({ id }) => id);
  });
}

/** Removes a job that has not started. */
export async function cancelJob(db: Db, jobKey: string): Promise<void> {
  await db.query('select graphile_worker.remove_job($1)', [jobKey]);
}

/** Those keys that have no waiting or running job. A job without attempts left counts as neither. */
export async function withoutJob(db: Db, jobKeys: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ key: string }>(
    `select key from unnest($1::text[]) as wanted (key) where not exists (
       select from graphile_worker.jobs j
       where j.key = wanted.key and (j.attempts < j.max_attempts or j.locked_at is not null))`,
    [jobKeys],
  );
  return rows.map(({ key }) => key);
}
