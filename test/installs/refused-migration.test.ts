import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { migrate } from '../../app/db/migrate.ts';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase({ migrated: false });
});
afterAll(() => database.drop());

it('moves the alarms about refused refreshes to their installs when an older database is migrated', async () => {
  const dir = path.join(import.meta.dirname, '..', '..', 'app', 'db', 'migrations');
  const before = { databaseUrl: database.url, dir, migrationsTable: 'migrations', log: () => {} };
  await runner({ ...before, direction: 'up', count: 18 });
  const client = new pg.Client(database.url);
  await client.connect();
  try {
    await client.query(
      `insert into installs (portal_id, app_id, state, access_token, refresh_token, access_token_expires_at,
         refresh_due_at)
       values (1, 1, 'backing_off', 'a', 'r', now(), now()), (2, 1, 'active', 'a', 'r', now(), now())`,
    );
    await client.query(
      `insert into alarms (name, message, raised_at) values
         ('refresh_refused:1', '', '2026-11-01T10:00:00Z'), ('refresh_refused:2', '', now()),
         ('app_misconfigured', '', now())`,
    );
    await migrate({ url: database.url });
    const installs = await client.query(
      'select portal_id, refresh_refused_since as since from installs order by portal_id',
    );
    expect(installs.rows).toEqual([
      { portal_id: 1, since: new Date('2026-11-01T10:00:00Z') },
      { portal_id: 2, since: null },
    ]);
    expect((await client.query('select name from alarms')).rows).toEqual([{ name: 'app_misconfigured' }]);
  } finally {
    await client.end();
  }
});
