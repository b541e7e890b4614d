import { readdir } from 'node:fs/promises';
import { MIGRATION_SOURCES, type MigrationSource } from './migration-sources.ts';
import type { Db } from './pool.ts';

/** How many migrations of this version, ours and the vendor's, have not run. */
export async function pendingMigrations(db: Db, sources = MIGRATION_SOURCES): Promise<number> {
  let pending = 0;
  for (const source of sources) pending += await pendingOf(db, source);
  return pending;
}

async function pendingOf(db: Db, { folder, table }: MigrationSource): Promise<number> {
  const files = (await readdir(folder).catch(noFolder)).filter((file) => file.endsWith('.sql'));
  if (files.length === 0) return 0;
  const { rows } = await db.query('select to_regclass($1) is not null as exists', [table]);
  if (!rows[0].exists) return files.length;
  const done = await db.query<{ name: string }>(`select name from ${table}`);
  const names = new Set(done.rows.map(({ name }) => name));
  return files.filter((file) => !names.has(file.replace(/\.sql$/, ''))).length;
}

/** The vendor's folder may be missing. */
function noFolder(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
