import type { Pool } from '../db/pool.ts';
import { LOCKS, type SessionLocks } from '../db/session-locks.ts';
import type { Logger } from '../logger.ts';

const CHECK_EVERY_MS = 2_000;

/**
 * Frees the jobs of workers that died. The queue itself waits four hours before it takes a dead worker's job
 * back; a killed dyno's events would wait as long. Each worker holds a session lock in Postgres for as long as it
 * lives, so a lock that can be taken belongs to nobody: that worker's jobs are free.
 */
export function createLiveness({ locks, pool, logger }: { locks: SessionLocks; pool: Pool; logger: Logger }) {
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let check: Promise<void> = Promise.resolve();

  return {
    begin(workerId: string): void {
      locks.keep(LOCKS.workerAlive, workerId).catch(report);
      timer = setTimeout(tick, 0);
    },

    async end(): Promise<void> {
      ended = true;
      clearTimeout(timer);
      await check;
    },
  };

  async function tick() {
    check = freeJobsOfTheDead().catch(report);
    await check;
    if (!ended) timer = setTimeout(tick, CHECK_EVERY_MS);
  }

  async function freeJobsOfTheDead() {
    const freed = await freeDeadWorkersJobs(pool);
    if (freed.length > 0) logger.warn({ workers: freed }, 'took over the jobs of workers that died');
  }

  function report(err: Error) {
    if (!ended) logger.warn({ err }, 'the worker lost sight of the other workers; trying again');
  }
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
