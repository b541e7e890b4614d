import { describe, expect, it } from '@jest/globals';
import { connectionOptions, createPool } from '../../app/db/pool.ts';
import { slowQuery } from '../../app/db/slow-query.ts';
import { createDatabase } from '../helpers/database.ts';
import { until } from '../helpers/until.ts';

const URL_WITHOUT = 'postgres://app:p%40ss@db.example:5432/app';

describe('TLS to the database', () => {
  const encrypted = { rejectUnauthorized: false };
  it.each<[string, unknown]>([
    ['disable', false],
    ['prefer', encrypted],
    ['require', encrypted],
    ['no-verify', encrypted],
    ['verify-ca', { rejectUnauthorized: true, checkServerIdentity: expect.any(Function) }],
    ['verify-full', { rejectUnauthorized: true }],
  ])('is the same for sslmode=%s in the URL and in PGSSLMODE', (mode, ssl) => {
    const inUrl = connectionOptions({ url: `${URL_WITHOUT}?sslmode=${mode}` });
    const inSetting = connectionOptions({ url: URL_WITHOUT, sslMode: mode });
    for (const options of [inUrl, inSetting]) {
      expect(options.ssl).toEqual(ssl);
      // The driver would take an sslmode in the URL in its own, stricter sense.
      expect(options.connectionString).toBe(URL_WITHOUT);
    }
  });

  it('follows the URL before PGSSLMODE, and is off without either', () => {
    const url = `${URL_WITHOUT}?sslmode=verify-full`;
    expect(connectionOptions({ url, sslMode: 'disable' }).ssl).toEqual({ rejectUnauthorized: true });
    expect(connectionOptions({ url: URL_WITHOUT }).ssl).toBe(false);
  });

  it('verifies the certificate chain but not the host name with verify-ca', () => {
    const { ssl } = connectionOptions({ url: URL_WITHOUT, sslMode: 'verify-ca' });
    if (typeof ssl !== 'object') throw new Error('no TLS');
    expect(ssl.checkServerIdentity?.('other.example', {} as never)).toBeUndefined();
  });

  it('keeps the other parameters of the URL', () => {
    const url = `${URL_WITHOUT}?sslmode=disable&options=-c%20search_path%3Dapp`;
    const { connectionString = '' } = connectionOptions({ url });
    expect([...new URL(connectionString).searchParams]).toEqual([['options', '-c search_path=app']]);
  });

  it('rejects an unknown mode by name, without the password', () => {
    const wrong = () => connectionOptions({ url: `${URL_WITHOUT}?sslmode=maybe` });
    expect(wrong).toThrow('DATABASE_URL has sslmode=maybe');
    expect(wrong).not.toThrow('p%40ss');
  });
});

describe('the pool', () => {
  it('opens new connections when its connections are lost', async () => {
    const database = await createDatabase();
    const lost: Error[] = [];
    const pool = createPool({ url: database.url }, (error) => lost.push(error));
    try {
      const busy = await pool.connect();
      await pool.query('select 1');
      const { rows } = await busy.query('select pg_backend_pid() as own');
      await pool.query('select pg_terminate_backend(pid) from pg_stat_activity where pid = $1', [
        rows[0].own,
      ]);
      await expect(busy.query('select 1')).rejects.toThrow();
      busy.release(true);
      const idle = await pool.query('select pg_backend_pid() as pid');
      const other = createPool({ url: database.url }, () => {});
      await other.query('select pg_terminate_backend($1)', [idle.rows[0].pid]);
      await other.end();
      await until('the loss to be noticed', () => lost.length > 0);
      expect((await pool.query('select 42 as answer')).rows).toEqual([{ answer: 42 }]);
    } finally {
      await pool.end();
      await database.drop();
    }
  });

  it('returns bigint values as numbers', async () => {
    const database = await createDatabase();
    const pool = createPool({ url: database.url }, () => {});
    try {
      const { rows } = await pool.query('select 999999999999999::bigint as portal, count(*) from installs');
      expect(rows).toEqual([{ portal: 999_999_999_999_999, count: 0 }]);
    } finally {
      await pool.end();
      await database.drop();
    }
  });
});

describe('a statement that takes too long', () => {
  const patience = { connectMs: 5_000, statementMs: 2_000 };

  it('is cancelled by the server, and its connection stays usable', async () => {
    const database = await createDatabase();
    const pool = createPool({ url: database.url }, () => {}, patience);
    try {
      await expectServerCancels(() => pool.query('select pg_sleep(60)'));
      await pool.query('select 1');
      const { rows } = await pool.query(
        `select count(*) from pg_stat_activity where datname = current_database() and query like '%pg_sleep%'
           and state = 'active' and pid <> pg_backend_pid()`,
      );
      expect(rows).toEqual([{ count: 0 }]);
    } finally {
      await pool.end();
      await database.drop();
    }
  });

  it('may have its own timeout', async () => {
    const database = await createDatabase();
    const pool = createPool({ url: database.url }, () => {}, patience);
    try {
      expect(await slowQuery(pool, 'select 1 as one from pg_sleep(3)', 30_000)).toEqual([{ one: 1 }]);
      await expectServerCancels(() => slowQuery(pool, 'select pg_sleep(60)', 100));
    } finally {
      await pool.end();
      await database.drop();
    }
  });
});

/** On a busy machine the driver, which waits 200 ms longer, may be the first to notice; then the statement is repeated. */
async function expectServerCancels(run: () => Promise<unknown>): Promise<void> {
  const codes: unknown[] = [];
  while (codes.length < 10 && !codes.includes('57014')) {
    const error: { code?: string; message: string } = await run().then(
      () => ({ message: 'no error' }),
      (reason) => reason,
    );
    codes.push(error.code ?? error.message);
  }
  expect(codes.at(-1)).toBe('57014');
  expect(codes.filter((code) => code !== '57014' && code !== 'Query read timeout')).toEqual([]);
}
