import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { runMigrations as migrateQueue } from 'graphile-worker';
import { runner } from 'node-pg-migrate';
import { reasonOf } from '../base/reason-of.ts';
import { createPool, type DatabaseSettings, PATIENCE } from './pool.ts';

const MIGRATIONS = path.join(import.meta.dirname, 'migrations');
/** An arbitrary advisory lock id: its holder is migrating this database. */
const MIGRATION_LOCK = 4_817_930_021;

/**
 * Migrates our schema and the queue's. Several processes may call it at once: the later ones wait for the first. All new
 * migrations commit together, except those before one that begins its own transaction.
 * @returns names of the migrations that this call ran.
 */
export async function migrate(database: DatabaseSettings): Promise<string[]> {
  // The next statement reports the error of a connection.
  const pool = createPool(database, () => {}, PATIENCE.migration);
  const progress = trackMigrations();
  try {
    const client = await pool.connect();
    try {
      await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
      await migrateQueue({ pgPool: pool });
      const done = await runner({
        dbClient: client,
        dir: MIGRATIONS,
        direction: 'up',
        singleTransaction: true,
        migrationsTable: 'migrations',
        // The lock above waits; the library's own lock fails while another process migrates.
        noLock: true,
        logger: progress.logger,
      }).catch(progress.explain);
      return done.map(({ name }) => name);
    } finally {
      // Closing the connection releases the lock on every path.
      client.release(true);
    }
  } finally {
    await pool.end();
  }
}

/** Reads the name of the running migration from the library's log, as its errors do not have it. */
function trackMigrations() {
  let name: string | undefined;
  const silent = () => {};
  return {
    logger: {
      info(line: string) {
        name = /^### MIGRATION (.+) \(UP\) ###$/.exec(line)?.[1] ?? name;
      },
      warn: silent,
      error: silent,
    },
    async explain(cause: Error & { position?: string }): Promise<never> {
      if (name === undefined) throw cause;
      const file = `${name}.sql`;
      const line = await lineOf(path.join(MIGRATIONS, file), cause.position);
      throw new Error(`${file}${line}: ${reasonOf(cause)}`, { cause });
    },
  };
}

/** @param position of the error in the statement, which is the whole file; the first character is 1. */
async function lineOf(file: string, position: string | undefined): Promise<string> {
  if (position === undefined) return '';
  const before = [...(await readFile(file, 'utf8'))].slice(0, Number(position) - 1);
  return `, line ${before.filter((character) => character === '\n').length + 1}`;
}
