import { randomBytes } from 'node:crypto';
import pg from 'pg';

export const TEMPLATE = 'hubspot_app_template';

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

function urlOf(database: string): string {
  const url = new URL(process.env.TEST_DATABASE_URL ?? '');
  url.pathname = database;
  return url.href;
}

export async function inDatabase<T>(database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(urlOf(database));
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A new database: migrated or empty. */
export async function createDatabase({ migrated = true } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await inDatabase('postgres', (client) =>
    client.query(`create database ${name} template ${migrated ? TEMPLATE : 'template0'}`),
  );
  return {
    url: urlOf(name),
    drop: async () => {
      await inDatabase('postgres', (client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}
