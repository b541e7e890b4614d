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

it('migration of an older database keeps waiting app events with their type and others without', async () => {
  const dir = path.join(import.meta.dirname, '..', '..', 'app', 'db', 'migrations');
  const before = { databaseUrl: database.url, dir, migrationsTable: 'migrations', log: () => {} };
  await runner({ ...before, direction: 'up', count: 13 });
  const client = new pg.Client(database.url);
  await client.connect();
  try {
    const occurrence = { eventTypeName: 'ae1_login', id: 'a', email: 'jane@example.com', properties: {} };
    await client.query(
      `insert into timeline_events (portal_id, id, state, occurrence) values
         (1, 'a', 'waiting', $1), (2, 'a', 'sent', null), (1, 'b', 'refused', null)`,
      [occurrence],
    );
    await migrate({ url: database.url });
    const { rows } = await client.query(
      'select portal_id, event_type, id, state, occurrence from timeline_events order by portal_id, event_type',
    );
    expect(rows).toEqual([
      { portal_id: 1, event_type: '', id: 'b', state: 'refused', occurrence: null },
      { portal_id: 1, event_type: 'ae1_login', id: 'a', state: 'waiting', occurrence },
      { portal_id: 2, event_type: '', id: 'a', state: 'sent', occurrence: null },
    ]);
    // A row without a type is a mistake from now on.
    await expect(client.query(`insert into timeline_events (portal_id, id) values (1, 'c')`)).rejects.toThrow(
      'event_type',
    );
  } finally {
    await client.end();
  }
});
