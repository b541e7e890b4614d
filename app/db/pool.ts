import pg from 'pg';
import { hasTimedOut } from './errors.ts';

export type Pool = pg.Pool;
/** What a store needs: the pool, or the client of a transaction. */
export type Db = Pick<pg.ClientBase, 'query'>;

export interface DatabaseSettings {
  readonly url: string;
  /** Used when the URL names no `sslmode` of its own (Heroku's cannot be edited). */
  readonly sslMode?: string | undefined;
}

// bigint columns hold portal and object ids, far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/**
 * A web and a worker process together use fewer than the twenty connections of Heroku's smallest plans: these, those for
 * handler transactions, and one for locks in each process.
 */
export const CONNECTIONS = 7;
export const HANDLER_CONNECTIONS = 3;
/** How many of a web process's connections are reserved for storing deliveries, whatever other requests do. */
export const DELIVERY_CONNECTIONS = 2;

/** How long a process waits for the database. Statements that may take longer use `slowQuery`. */
export interface DatabasePatience {
  /** For a connection, free or new. */
  readonly connectMs: number;
  /** For the result of one statement. */
  readonly statementMs: number;
}

export const PATIENCE = {
  /** HubSpot waits five seconds for an answer, and people should learn sooner that the database is unavailable. */
  web: { connectMs: 900, statementMs: 2_000 },
  worker: { connectMs: 10_000, statementMs: 10_000 },
  /** Commands count and list whole tables. */
  command: { connectMs: 10_000, statementMs: 10 * 60_000 },
  /** Migrations may rewrite tables, and wait for another process that migrates. */
  migration: { connectMs: 10_000, statementMs: 12 * 60 * 60_000 },
  /** Handlers may run slow statements, and end within two minutes. */
  handlers: { connectMs: 10_000, statementMs: 60_000 },
} as const satisfies Record<string, DatabasePatience>;

/** PostgreSQL cancels a slow statement this much before the driver closes its connection. */
export const SOONER_MS = 200;

/**
 * A pool that closes the connection of a statement that times out: after a failover, or behind a pooler or firewall,
 * connections can be dead without either end noticing. The pool's idle connections may be dead too, so it closes them.
 */
export function createPool(
  database: DatabaseSettings,
  onError: (error: Error) => void,
  { connectMs, statementMs }: DatabasePatience = PATIENCE.worker,
  max = CONNECTIONS,
): Pool {
  class Client extends pg.Client {
    // biome-ignore lint/suspicious/noExplicitAny: one signature for the many that the driver's types list.
    override query(...statement: any[]): any {
      const last = statement.length - 1;
      const callback = statement[last];
      if (typeof callback === 'function') {
        statement[last] = (error: unknown, result: unknown) => {
          this.closeIfDead(error);
          callback(error, result);
        };
      }
      // biome-ignore lint/suspicious/noExplicitAny: see above.
      const answer = (super.query as any)(...statement);
      answer?.then?.(undefined, (error: unknown) => this.closeIfDead(error));
      return answer;
    }

    private closeIfDead(error: unknown) {
      if (!hasTimedOut(error)) return;
      // During a statement the driver closes the socket without waiting for the server.
      this.end().catch(() => {});
      closeIdle();
    }
  }

  // A lost connection emits an error, on the pool when idle and on the client when in use; without a listener that ends
  // the process. For a client in use, the next statement reports the error.
  const options = {
    ...connectionOptions(database),
    Client,
    connectionTimeoutMillis: connectMs,
    query_timeout: statementMs,
    statement_timeout: Math.max(statementMs - SOONER_MS, statementMs / 2),
    max,
  };
  const pool = new pg.Pool(options).on('error', onError);
  return pool.on('connect', (client) => client.on('error', () => {}));

  function closeIdle() {
    for (let left = pool.idleCount; left > 0; left -= 1) {
      pool.connect().then(
        (client) => client.release(true),
        () => {},
      );
    }
  }
}

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
    connectionTimeoutMillis: PATIENCE.worker.connectMs,
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
        `DATABASE_URL has sslmode=${mode}; use disable, no-verify, prefer, require, verify-ca or verify-full.`,
      );
  }
}
