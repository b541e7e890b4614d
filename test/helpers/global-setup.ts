import path from 'node:path';
import { migrate } from '../../app/db/migrate.ts';
import { type Postgres, startPostgres } from '../../scripts/embedded-postgres.ts';
import { inDatabase, TEMPLATE } from './database.ts';
import { createDatabaseFolder } from './database-folder.ts';

declare global {
  var testPostgres: (Postgres & { folder: string }) | undefined;
}

/** One PostgreSQL for the whole run, with a migrated database that each test file's own is copied from. */
export default async function setUp() {
  if (!process.env.TEST_DATABASE_URL) {
    const folder = await createDatabaseFolder();
    // A test run need not survive a crash of the machine.
    const flags = ['fsync=off', 'full_page_writes=off', 'max_wal_size=256MB', 'max_connections=300'];
    globalThis.testPostgres = { folder, ...(await startPostgres(path.join(folder, 'postgres'), flags)) };
    process.env.TEST_DATABASE_URL = globalThis.testPostgres.url;
  }
  await inDatabase('postgres', async (client) => {
    await client.query(`drop database if exists ${TEMPLATE}`);
    await client.query(`create database ${TEMPLATE}`);
  });
  const url = new URL(process.env.TEST_DATABASE_URL);
  url.pathname = TEMPLATE;
  await migrate({ url: url.href });
}
