import pg from 'pg';
import type { Config } from '../config.ts';
import { connectionOptions, type Pool } from '../db/pool.ts';
import type { Logger } from '../logger.ts';

const CHECK_EVERY_MS = 2_000;
/** First half of the advisory lock's key: "the worker with this id is alive". */
const LOCK_CLASS = 48_179;

/**
 * Frees the jobs of workers that died. The queue itself waits four hours before it takes a dead worker's job
 * back; a killed dyno's events would wait as long. Each worker holds a session lock in Postgres for as long as it
 * lives, so a lock that can be taken belongs to nobody: that worker's jobs are free.
 */
export async function createLiveness({
  config,
  pool,
  logger,
}: {
  config: Config;
  pool: Pool;
  logger: Logger;
}) {
  let workerId: string | undefined;
  let ended = false;
  let client = await connect();
  let timer: NodeJS.Timeout | undefined;

  return {
    /** Sends the lock statement at once, before the queue's first statement goes out. */
    begin(id: string): void {
      workerId = id;
      hold().catch(report);
      timer = setTimeout(tick, 0);
    },

    async end(): Promise<void> {
      ended = true;
      clearTimeout(timer);
      await client.end().catch(report);
    },
  };

  async function tick() {
    await freeJobsOfTheDead().catch(report);
    if (!ended) timer = setTimeout(tick, CHECK_EVERY_MS);
  }

  async function freeJobsOfTheDead() {
    const freed = await freeDeadWorkersJobs(pool);
    if (freed.length > 0) logger.warn({ workers: freed }, 'took over the jobs of workers that died');
  }

  async function connect() {
    const fresh = new pg.Client(connectionOptions(config.database));
    fresh.on('error', (error) => {
      report(error);
      if (!ended && fresh === client) reconnect();
    });
    await fresh.connect();
    return fresh;
  }

  function reconnect() {
    connect()
      .then((fresh) => {
        client = fresh;
        return hold();
      })
      .catch(() => {
        if (!ended) setTimeout(reconnect, CHECK_EVERY_MS);
      });
  }

  async function hold() {
    await client.query('select pg_advisory_lock($1, hashtext($2))', [LOCK_CLASS, workerId]);
  }

  function report(error: Error) {
    if (!ended) logger.warn({ err: error }, 'the worker lost sight of the other workers; trying again');
  }
}

/** @returns ids of the dead workers whose jobs were freed. */
async function freeDeadWorkersJobs(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ locked_by: string }>(
    // A moment's grace: a worker locks its first job and its own id at the same time, on two connections.
    `select distinct locked_by from graphile_worker._private_jobs
     where locked_by is not null and locked_at < now() - interval '2 seconds'
       and pg_try_advisory_xact_lock($1, hashtext(locked_by))`,
    [LOCK_CLASS],
  );
  const dead = rows.map((row) => row.locked_by);
  if (dead.length > 0) await pool.query('select graphile_worker.force_unlock_workers($1)', [dead]);
  return dead;
}
