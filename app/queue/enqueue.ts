import type { Db } from '../db/pool.ts';

/** Every job and its payload. Payloads hold ids, never secrets or personal data. */
export interface JobPayloads {
  'split-webhook-deliveries': Record<string, never>;
  'run-webhook-lane': { lane: number };
  'wake-webhooks': Record<string, never>;
  'prune-webhooks': Record<string, never>;
  'prune-own-writes': Record<string, never>;
  /** Earlier releases named no event type. */
  'send-timeline-event': { portalId: number; eventType?: string; id: string };
  'send-forgotten-timeline-events': Record<string, never>;
  'refresh-expiring-tokens': Record<string, never>;
  'prune-oauth-states': Record<string, never>;
  'prune-install-history': Record<string, never>;
  /** The vendor's own jobs, each with the payload of its schema. */
  [vendorJob: `integration:${string}`]: unknown;
}

export interface JobOptions {
  /** Jobs with one key are one job until it begins to run. */
  readonly jobKey?: string | undefined;
  readonly runAt?: Date | undefined;
  /** Jobs of one queue run one after another, over all workers. */
  readonly queue?: string | undefined;
  /** Of the jobs whose time has come, those with a lower number begin first. By default 0. */
  readonly priority?: number | undefined;
  /** A job of that key that waits for a later moment goes on waiting for it. By default the new moment counts. */
  readonly keepsRunAt?: boolean | undefined;
  /** How often it is tried; by default 25 times, which takes four days. */
  readonly maxAttempts?: number | undefined;
}

/** Adds a job in the transaction that stores what it is about: either both happen or none. */
export async function enqueue<Name extends keyof JobPayloads>(
  db: Db,
  name: Name,
  payload: JobPayloads[Name],
  options: JobOptions,
): Promise<void> {
  await enqueueAll(db, name, [{ payload, ...options }]);
}

/** The same for several jobs, one after another in one statement. */
export async function enqueueAll<Name extends keyof JobPayloads>(
  db: Db,
  name: Name,
  jobs: readonly ({ readonly payload: JobPayloads[Name] } & JobOptions)[],
): Promise<void> {
  // A worker that takes the keyed job between the two statements of add_job makes it add nothing and return null
  // (graphile-worker 0.18); called again, it sees that the job is running and adds a new one.
  for (let left = jobs; left.length > 0; ) {
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
    left = left.filter((_, index) => (rows[index]?.id ?? null) === null);
  }
}

/** Takes back a job that has not begun. */
export async function cancelJob(db: Db, jobKey: string): Promise<void> {
  await db.query('select graphile_worker.remove_job($1)', [jobKey]);
}

/** Those keys for which no job waits or runs; one that used up its attempts does neither. */
export async function withoutJob(db: Db, jobKeys: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ key: string }>(
    `select key from unnest($1::text[]) as wanted (key) where not exists (
       select from graphile_worker.jobs j
       where j.key = wanted.key and (j.attempts < j.max_attempts or j.locked_at is not null))`,
    [jobKeys],
  );
  return rows.map(({ key }) => key);
}
