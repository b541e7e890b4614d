import type { WorkerEvents } from 'graphile-worker';
import type { Logger } from '../base/logger.ts';
import type { Pool } from '../db/pool.ts';
import { LOCKS, type SessionLocks } from '../db/session-locks.ts';

const CHECK_EVERY_MS = 2_000;
/** So often in a row has a job to be found locked by this worker, which does not run it, before it is freed. */
const FORGOTTEN_AFTER_CHECKS = 5;

/**
 * Frees the jobs of workers that died. The queue itself waits four hours before it takes a dead worker's job
 * back; a killed dyno's events would wait as long. Each worker holds a session lock in Postgres for as long as it
 * lives, so a lock that can be taken belongs to nobody: that worker's jobs are free.
 *
 * So are jobs that this worker has locked and does not run: it asked for them, and lost the connection on which the
 * answer came.
 */
export function createLiveness({ locks, pool, events, logger }: Dependencies) {
  const running = new Set<string>();
  /** How often each job was found locked by this worker though it does not run it. */
  let forgotten = new Map<string, number>();
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let check: Promise<void> = Promise.resolve();

  return {
    begin(workerId: string): void {
      locks.keep(LOCKS.workerAlive, workerId).catch(report);
      // The library calls ids text; with this server's parser of bigint they are numbers.
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
    check = freeJobsOfTheDead()
      .then(() => freeForgottenJobs(workerId))
      .catch(report);
    await check;
    if (!ended) timer = setTimeout(tick, CHECK_EVERY_MS, workerId);
  }

  async function freeJobsOfTheDead() {
    const freed = await freeDeadWorkersJobs(pool);
    if (freed.length > 0) logger.warn({ workers: freed }, 'took over the jobs of workers that died');
  }

  async function freeForgottenJobs(workerId: string) {
    const locked = await jobsLockedBy(pool, workerId);
    forgotten = new Map(
      locked.filter((id) => !running.has(id)).map((id) => [id, (forgotten.get(id) ?? 0) + 1]),
    );
    const jobs = [...forgotten].flatMap(([id, checks]) => (checks >= FORGOTTEN_AFTER_CHECKS ? id : []));
    if (jobs.length === 0) return;
    await unlock(pool, workerId, jobs);
    logger.warn({ jobs }, 'freed jobs that this worker had locked without hearing of it');
  }

  function report(err: Error) {
    if (!ended) logger.warn({ err }, 'the worker lost sight of the other workers; trying again');
  }
}

interface Dependencies {
  locks: SessionLocks;
  pool: Pool;
  events: WorkerEvents;
  logger: Logger;
}

/** Jobs that a worker locked half a minute ago and more: by then it knows of those that it got. */
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
    `with freed as (
       update graphile_worker._private_jobs set locked_by = null, locked_at = null
       where id = any($2::bigint[]) and locked_by = $1 returning job_queue_id)
     update graphile_worker._private_job_queues queue set locked_by = null, locked_at = null
     from freed where queue.id = freed.job_queue_id and queue.locked_by = $1`,
    [workerId, jobIds],
  );
}

/** @returns ids of the dead workers whose jobs were freed. */
async function freeDeadWorkersJobs(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ locked_by: string }>(
    // A moment's grace: a worker locks its first job and its own id at the same time, on two connections.
    `select distinct locked_by from graphile_worker._private_jobs
     where locked_by is not null and locked_at < now() - interval '2 seconds'
       and pg_try_advisory_xact_lock($1, hashtext(locked_by))`,
    [LOCKS.workerAlive],
  );
  const dead = rows.map((row) => row.locked_by);
  if (dead.length > 0) await pool.query('select graphile_worker.force_unlock_workers($1)', [dead]);
  return dead;
}
