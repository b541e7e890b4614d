import pg from 'pg';

export type Pool = pg.Pool;
/** What a store needs: the pool, or the client of the transaction that its statement belongs to. */
export type Db = Pick<pg.ClientBase, 'query'>;

export interface DatabaseSettings {
  readonly url: string;
  /** Used when the URL names no `sslmode` of its own (Heroku's cannot be edited). */
  readonly sslMode?: string | undefined;
}

// bigint columns hold portal and object ids, far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/**
 * A web and a worker process together, with the worker's handler transactions and a connection for locks in each, stay
 * below the twenty connections of Heroku's smallest plans.
 */
const CONNECTIONS = 7;
export const HANDLER_CONNECTIONS = 3;

export function createPool(
  database: DatabaseSettings,
  onError: (error: Error) => void,
  max = CONNECTIONS,
): Pool {
  // A connection that loses its server emits an error, idle on the pool and in use on itself; without a listener
  // that ends the process. In use, the next statement reports it too.
  const pool = new pg.Pool({ ...connectionOptions(database), max }).on('error', onError);
  return pool.on('connect', (client) => client.on('error', () => {}));
}

/** A statement that others wait for is not waited for longer: its connection has frozen. */
export const ANSWER_MS = 10_000;

/** Resolves when the database answers. */
export async function ping(db: Db): Promise<void> {
  await db.query('select 1');
}

/**
 * Connection options with TLS as libpq's `sslmode` means it: `require` encrypts without checking the chain
 * (what Heroku Postgres, with its self-signed chain, needs), `verify-*` checks it.
 * @see https://www.postgresql.org/docs/current/libpq-ssl.html
 */
export function connectionOptions(database: DatabaseSettings): pg.ClientConfig {
  const url = new URL(database.url);
  const mode = url.searchParams.get('sslmode') ?? database.sslMode ?? 'disable';
  url.searchParams.delete('sslmode');
  return {
    connectionString: url.href,
    ssl: sslFor(mode),
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // The operating system's own delay is two hours.
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'hubspot-public-app-server',
  };
}

function sslFor(mode: string): pg.ClientConfig['ssl'] {
  switch (mode) {
    case 'disable':
      return false;
    case 'prefer':
    case 'require':
    case 'no-verify':
      return { rejectUnauthorized: false };
    case 'verify-ca':
      return { rejectUnauthorized: true, checkServerIdentity: () => undefined };
    case 'verify-full':
      return { rejectUnauthorized: true };
    default:
      throw new Error(
        `DATABASE_URL has sslmode=${mode}, which is none of disable, no-verify, prefer, require, verify-ca, verify-full.`,
      );
  }
}
