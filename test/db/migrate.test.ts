import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';
import { copyProduct } from '../helpers/product-copy.ts';
import { PROGRAM_ENV } from '../helpers/program-env.ts';
import { until } from '../helpers/until.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const SECRET = 'a-password-that-is-secret';

describe('npm run migrate', () => {
  const databases: TestDatabase[] = [];
  afterEach(async () => {
    for (const database of databases.splice(0)) await database.drop();
  });

  async function emptyDatabase(): Promise<string> {
    const database = await createDatabase({ migrated: false });
    databases.push(database);
    return database.url;
  }

  it('migrates an empty database, prints the migrations, and does nothing when run again', async () => {
    const DATABASE_URL = await emptyDatabase();
    const names = await allMigrations();
    expect(await migrate({ DATABASE_URL })).toEqual(succeeded(`Migrated: ${names.join(', ')}`));
    expect(await migrate({ DATABASE_URL })).toEqual(succeeded('The database is up to date.'));
  });

  it('migrates once and succeeds each time when started several times at once', async () => {
    const DATABASE_URL = await emptyDatabase();
    const names = await allMigrations();
    const runs = await Promise.all([1, 2, 3].map(() => migrate({ DATABASE_URL })));
    const said = runs.map(({ output }) => output).sort();
    const upToDate = 'The database is up to date.';
    expect(said).toEqual([`Migrated: ${names.join(', ')}`, upToDate, upToDate]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
    const { rows } = await query(DATABASE_URL, 'select name from migrations order by id');
    expect(rows.map(({ name }) => name)).toEqual(await ownMigrations());
  });

  it('prints the reason, rolls back and exits with 1 when it fails', async () => {
    const DATABASE_URL = await emptyDatabase();
    // The last migration cannot create a table of that name; the ones before it could.
    await query(DATABASE_URL, 'create table marketing_events ()');
    expect(await migrate({ DATABASE_URL })).toEqual({
      code: 1,
      output:
        'The migration failed and was rolled back: ' +
        '0003_events.sql: relation "marketing_events" already exists',
    });
    const { rows } = await query(
      DATABASE_URL,
      `select table_name from information_schema.tables where table_schema = 'public' and table_name <> 'migrations'`,
    );
    expect(rows).toEqual([{ table_name: 'marketing_events' }]);
    await query(DATABASE_URL, 'drop table marketing_events');
    expect((await migrate({ DATABASE_URL })).code).toBe(0);
  });

  describe('from another folder', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'hubspot-app-migration-'));
      await copyProduct(folder);
    });
    afterAll(() => rm(folder, { recursive: true }));

    it('migrates when the folder is a symbolic link', async () => {
      const link = `${folder}-link`;
      await symlink(folder, link);
      const { code, output } = await migrate({ DATABASE_URL: await emptyDatabase() }, link);
      expect([code, output]).toEqual([0, expect.stringMatching(/^Migrated: 0001_installs, /)]);
      await rm(link);
    });

    const write = async (name: string, sql: string) => {
      await mkdir(path.join(folder, 'integration/migrations'), { recursive: true });
      await writeFile(path.join(folder, 'integration/migrations', name), sql);
    };

    it('runs the vendor’s migrations after ours, once, where there are any', async () => {
      const DATABASE_URL = await emptyDatabase();
      const own = await ownMigrations();
      await rm(path.join(folder, 'integration/migrations'), { recursive: true, force: true });
      expect(await migrate({ DATABASE_URL }, folder)).toEqual(succeeded(`Migrated: ${own.join(', ')}`));
      // A table of theirs may refer to one of ours, and their first has the number of our first.
      await write('0001_orders.sql', 'create table orders (portal_id bigint references installs);');
      const told = succeeded('Migrated: integration/migrations/0001_orders');
      expect(await migrate({ DATABASE_URL }, folder)).toEqual(told);
      expect(await migrate({ DATABASE_URL }, folder)).toEqual(succeeded('The database is up to date.'));
      const { rows } = await query(DATABASE_URL, 'select name from integration_migrations');
      expect(rows).toEqual([{ name: '0001_orders' }]);
    });

    it('names the file and line of a broken vendor migration and keeps ours', async () => {
      const DATABASE_URL = await emptyDatabase();
      await write('0002_broken.sql', 'select 1;\ncreate tabel x ();');
      expect(await migrate({ DATABASE_URL }, folder)).toEqual({
        code: 1,
        output:
          'The migration failed and was rolled back: ' +
          'integration/migrations/0002_broken.sql, line 2: syntax error at or near "tabel"',
      });
      const { rows } = await query(
        DATABASE_URL,
        `select to_regclass('orders') as orders, to_regclass('installs') as installs`,
      );
      expect(rows).toEqual([{ orders: null, installs: 'installs' }]);
    });

    it.each([
      ['select 1;\n-- 日本語と😀\ncreate tabel x ();\n', ', line 3: syntax error at or near "tabel"'],
      [
        'create table x ();\n\n\nselect no_such_column from x;',
        ', line 4: column "no_such_column" does not exist',
      ],
      ["do $$ begin raise exception 'not today'; end $$;", ': not today'],
    ])(
      'names the file of a failed migration, and the line when PostgreSQL names it: %j',
      async (sql, told) => {
        const DATABASE_URL = await emptyDatabase();
        const file = path.join(folder, 'app/db/migrations/9999_broken.sql');
        await writeFile(file, sql);
        expect(await migrate({ DATABASE_URL }, folder)).toEqual({
          code: 1,
          output: `The migration failed and was rolled back: 9999_broken.sql${told}`,
        });
      },
    );
  });

  it('does not deadlock with a database in use', async () => {
    const DATABASE_URL = await emptyDatabase();
    const dir = path.join(ROOT, 'app', 'db', 'migrations');
    const first = { databaseUrl: DATABASE_URL, dir, migrationsTable: 'migrations', log: () => {} };
    await runner({ ...first, direction: 'up', count: 10 });
    const splitter = new pg.Client(DATABASE_URL);
    await splitter.connect();
    try {
      await splitter.query('begin; update webhook_deliveries set problem = null');
      const migrated = migrate({ DATABASE_URL });
      const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      await until('it to wait', async () => (await query(DATABASE_URL, waiting)).rowCount === 1);
      await splitter.query('select from webhook_events; commit');
      expect((await migrated).code).toBe(0);
    } finally {
      await splitter.end();
    }
  });

  it.each<[string, () => Record<string, string>, string | RegExp]>([
    ['cannot be reached', () => at('127.0.0.1:1', 'app'), 'ECONNREFUSED 127.0.0.1:1'],
    ['has a host that does not exist', () => at('no-such-host.invalid', 'app'), /ENOTFOUND|EAI_AGAIN/],
    [
      'does not exist',
      () => at(new URL(template()).host, 'no_such_database'),
      '"no_such_database" does not exist',
    ],
    [
      'has a URL with an sslmode that is none',
      () => ({ DATABASE_URL: `${template()}?sslmode=perhaps` }),
      'DATABASE_URL has sslmode=perhaps',
    ],
    ['is to be encrypted and is not', () => ({ DATABASE_URL: template(), PGSSLMODE: 'require' }), 'SSL'],
    [
      'is of another kind',
      () => ({ DATABASE_URL: `mysql://root:${SECRET}@localhost/app` }),
      'must be a postgres:// URL',
    ],
    ['is not set', () => ({}), 'DATABASE_URL is not set'],
  ])('reports that a database %s, without the password, and exits with 1', async (_what, env, reason) => {
    const { code, output } = await migrate(env());
    expect([code, output]).toEqual([1, expect.stringMatching(reason)]);
    expect(output).not.toContain(SECRET);
    expect(output).not.toMatch(/^ +at /m);
  });

  const template = () => process.env.TEST_DATABASE_URL ?? '';
  const at = (host: string, name: string) => {
    const { username, password } = new URL(template());
    const login = host === new URL(template()).host ? `${username}:${password}` : `app:${SECRET}`;
    return { DATABASE_URL: `postgres://${login}@${host}/${name}` };
  };
});

/** This server's. */
const ownMigrations = () => namesIn('app/db/migrations');

/** Those and the vendor's. */
const allMigrations = async () => {
  const vendors = await namesIn('integration/migrations');
  return [...(await ownMigrations()), ...vendors.map((name) => `integration/migrations/${name}`)];
};

async function namesIn(folder: string): Promise<string[]> {
  const files = await readdir(path.join(ROOT, folder)).catch(() => []);
  const migrations = files.filter((file) => file.endsWith('.sql'));
  return migrations.sort().map((file) => path.basename(file, '.sql'));
}

const succeeded = (output: string) => ({ code: 0, output });

/** The release step as Heroku runs it: a process of its own, with nothing but its settings. */
function migrate(settings: Record<string, string>, root = ROOT): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const env = { ...PROGRAM_ENV, ...settings };
    const file = path.join(root, 'app', 'migrate.ts');
    execFile(process.execPath, [file], { env, cwd: import.meta.dirname }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, output: (stdout + stderr).trim() });
    });
  });
}

async function query(url: string, sql: string) {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}
