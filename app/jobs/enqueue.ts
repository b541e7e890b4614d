import type { Db } from '../db/pool.ts';

/** Every job and what it is told. Payloads hold ids, never secrets or personal data. */
export interface JobPayloads {
  'split-webhook-deliveries': Record<string, never>;
  'run-webhook-lane': { lane: number };
  'wake-webhooks': Record<string, never>;
  'prune-webhooks': Record<string, never>;
  'send-timeline-event': { portalId: number; id: string };
  'refresh-expiring-tokens': Record<string, never>;
  'prune-oauth-states': Record<string, never>;
  'prune-install-history': Record<string, never>;
}

export interface JobOptions {
  /** Jobs with one key are one job until it begins to run. */
  readonly jobKey?: string;
  readonly runAt?: Date;
  /** Jobs of one queue run one after another, over all workers. */
  readonly queue?: string;
}

/** Adds a job in the transaction that stores what it is about: either both happen or none. */
export async function enqueue<Name extends keyof JobPayloads>(
  db: Db,
  name: Name,
  payload: JobPayloads[Name],
  { jobKey, runAt, queue }: JobOptions,
): Promise<void> {
  // A worker that takes the keyed job between the two statements of add_job makes it add nothing and return null
  // (graphile-worker 0.18); called again, it sees that the job is running and adds a new one.
  for (let added = false; !added; ) {
    const { rows } = await db.query<{ id: number | null }>(
      `select id from graphile_worker.add_job($1, payload := $2::json, run_at := $3, queue_name := $4, job_key := $5)`,
      [name, JSON.stringify(payload), runAt ?? null, queue ?? null, jobKey ?? null],
    );
    added = (rows[0]?.id ?? null) !== null;
  }
}

/** Takes back a job that has not begun. */
export async function cancelJob(db: Db, jobKey: string): Promise<void> {
  await db.query('select graphile_worker.remove_job($1)', [jobKey]);
}
