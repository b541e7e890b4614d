import { readdir } from 'node:fs/promises';
import type { Db } from './pool.ts';

/** How many migrations of this version have not been run. */
export async function pendingMigrations(db: Db): Promise<number> {
  const files = await readdir(new URL('migrations', import.meta.url));
  const { rows } = await db.query(`select to_regclass('migrations') is not null as exists`);
  if (!rows[0].exists) return files.length;
  const done = await db.query<{ name: string }>('select name from migrations');
  const names = new Set(done.rows.map(({ name }) => name));
  return files.filter((file) => !names.has(file.replace(/\.sql$/, ''))).length;
}
