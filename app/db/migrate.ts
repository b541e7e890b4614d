import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { runMigrations as migrateQueue } from 'graphile-worker';
import { runner } from 'node-pg-migrate';
import { reasonOf } from '../base/reason-of.ts';
import { MIGRATION_SOURCES, type MigrationSource } from './migration-sources.ts';
import { createPool, type DatabaseSettings, PATIENCE } from './pool.ts';

/** An arbitrary fixed number. The process that holds the lock is migrating this database. */
const MIGRATION_LOCK = 4_817_930_021;

/**
 * Brings the schemas of the queue, of this server and of the vendor up to date, in this order. Safe to start in several
 * processes at once: the later ones wait for the first and find nothing left to do. The new migrations of one folder
 * commit together or not at all, except those before one that starts its own transaction.
 * @returns names of the migrations that this call ran.
 */
export async function migrate(
  database: DatabaseSettings,
  sources: readonly MigrationSource[] = MIGRATION_SOURCES,
): Promise<string[]> {
  // An error of the connection is reported by the next statement.
  const pool = createPool(database, () => {}, PATIENCE.migration);
  try {
    const client = await pool.connect();
    try {
      await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
      await migrateQueue({ pgPool: pool });
      const names: string[] = [];
      for (const source of sources) {
        if (!existsSync(source.folder)) continue;
        const progress = trackMigrations(source);
        const done = await runner({
          dbClient: client,
          dir: source.folder,
          direction: 'up',
          singleTransaction: true,
          migrationsTable: source.table,
          // The lock above waits; the library's own gives up when another process is migrating.
          noLock: true,
          logger: progress.logger,
        }).catch(progress.explain);
        names.push(...done.map(({ name }) => source.prefix + name));
      }
      return names;
    } finally {
      // Closing the connection releases the lock on every path.
      client.release(true);
    }
  } finally {
    await pool.end();
  }
}

/** Learns from the library's log which migration is running, because its errors do not name it. */
function trackMigrations({ folder, prefix }: MigrationSource) {
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
      const line = await lineOf(path.join(folder, file), cause.position);
      throw new Error(`${prefix}${file}${line}: ${reasonOf(cause)}`, { cause });
    },
  };
}

/** @param 1-based position of the error in the statement, which is the whole file. */
async function lineOf(file: string, position: string | undefined): Promise<string> {
  if (position === undefined) return '';
  const before = [...(await readFile(file, 'utf8'))].slice(0, Number(position) - 1);
  return `, line ${before.filter((character) => character === '\n').length + 1}`;
}
