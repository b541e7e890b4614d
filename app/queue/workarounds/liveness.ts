import type { WorkerEvents } from 'graphile-worker';
import type { Logger } from '../../base/logger.ts';
import type { Pool } from '../../db/pool.ts';
import { LOCKS, type SessionLocks } from '../../db/session-locks.ts';

const CHECK_EVERY_MS = 2_000;
/** A job that this worker has locked but does not run is unlocked after this many checks in a row. */
const LOST_AFTER_CHECKS = 5;

/**
 * Unlocks the jobs of dead workers, and jobs that this worker locked but never received because it lost the connection
 * with the answer. graphile-worker 0.18 unlocks both only after four hours. Each worker holds a session lock in
 * PostgreSQL while it lives, so a worker whose lock is free is dead.
 */
export function createLiveness({ locks, pool, events, logger }: Dependencies) {
  const running = new Set<string>();
  /** In how many checks each job was locked by this worker, but not running. */
  let lost = new Map<string, number>();
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let check: Promise<void> = Promise.resolve();

  return {
    begin(workerId: string): void {
      locks.keep(LOCKS.workerAlive, workerId).catch(report);
      // The library types ids as text; this server's bigint parser makes them numbers.
      events.on('job:start', ({ job }) => running.add(String(job.id)));
      events.on('job:complete', ({ job }) => running.delete(String(job.id)));
      timer = setTimeout(tick, 0, workerId);
    },

    async end(): Promise<void> {
      ended = true;
      clearTimeout(timer);
      await check;
    },
  };

  async function tick(workerId: string) {
    check = unlockJobsOfTheDead()
      .then(() => unlockLostJobs(workerId))
      .catch(report);
    await check;
    if (!ended) timer = setTimeout(tick, CHECK_EVERY_MS, workerId);
  }

  async function unlockJobsOfTheDead() {
    const workers = await unlockDeadWorkers(pool);
    if (workers.length > 0) logger.warn({ workers }, 'unlocked the jobs of dead workers');
  }

  async function unlockLostJobs(workerId: string) {
    const locked = await jobsLockedBy(pool, workerId);
    lost = new Map(locked.filter((id) => !running.has(id)).map((id) => [id, (lost.get(id) ?? 0) + 1]));
    const jobs = [...lost].flatMap(([id, checks]) => (checks >= LOST_AFTER_CHECKS ? id : []));
    if (jobs.length === 0) return;
    await unlock(pool, workerId, jobs);
    logger.warn({ jobs }, 'unlocked jobs that this worker had locked but never received');
  }

  function report(err: Error) {
    if (!ended) logger.warn({ err }, 'the check for dead workers failed; retrying');
  }
}

interface Dependencies {
  readonly locks: SessionLocks;
  readonly pool: Pool;
  readonly events: WorkerEvents;
  readonly logger: Logger;
}

/** Jobs that a worker locked at least half a minute ago, so that it has received them unless they are lost. */
async function jobsLockedBy(pool: Pool, workerId: string): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select id::text from graphile_worker._private_jobs
     where locked_by = $1 and locked_at < now() - interval '30 seconds'`,
    [workerId],
  );
  return rows.map(({ id }) => id);
}

async function unlock(pool: Pool, workerId: string, jobIds: readonly string[]): Promise<void> {
  await pool.query(
    `with unlocked as (
       update graphile_worker._private_jobs set locked_by = null, locked_at = null
       where id = any($2::bigint[]) and locked_by = $1 returning job_queue_id)
     update graphile_worker._private_job_queues queue set locked_by = null, locked_at = null
     from unlocked where queue.id = unlocked.job_queue_id and queue.locked_by = $1`,
    [workerId, jobIds],
  );
}

/** @returns ids of the dead workers that had jobs. */
async function unlockDeadWorkers(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ locked_by: string }>(
    // Two seconds' grace: a new worker locks its first job and its own id at the same time, on two connections.
    `select distinct locked_by from graphile_worker._private_jobs
     where locked_by is not null and locked_at < now() - interval '2 seconds'
       and pg_try_advisory_xact_lock($1, hashtext(locked_by))`,
    [LOCKS.workerAlive],
  );
  const dead = rows.map((row) => row.locked_by);
  if (dead.length > 0) await pool.query('select graphile_worker.force_unlock_workers($1)', [dead]);
  return dead;
}
