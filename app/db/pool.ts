import pg from 'pg';
import { hasTimedOut } from './errors.ts';

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
export const CONNECTIONS = 7;
export const HANDLER_CONNECTIONS = 3;
/** Of a web process's seven: what callers ask of the others must not keep deliveries from being stored. */
export const DELIVERY_CONNECTIONS = 2;

/** How long a process waits for the database. Statements that may take longer use `slowQuery`. */
export interface DatabasePatience {
  /** For a connection: a free one of the pool, or a new one. */
  readonly connectMs: number;
  /** For the answer to one statement. */
  readonly statementMs: number;
}

export const PATIENCE = {
  /** HubSpot waits five seconds for an answer; people should learn sooner that the database is away. */
  web: { connectMs: 900, statementMs: 2_000 },
  worker: { connectMs: 10_000, statementMs: 10_000 },
  /** Commands count and list whole tables. */
  command: { connectMs: 10_000, statementMs: 10 * 60_000 },
  /** It may rewrite a table, and waits for another process that migrates. */
  migration: { connectMs: 10_000, statementMs: 12 * 60 * 60_000 },
  /** Handlers write what they like, and end within two minutes. */
  handlers: { connectMs: 10_000, statementMs: 60_000 },
} as const satisfies Record<string, DatabasePatience>;

/** PostgreSQL cancels a statement this much before the driver gives up its connection, so that the connection is kept. */
export const SOONER_MS = 200;

/**
 * A pool that gives up a statement without an answer in its time, and the connection with it: a network that forgets
 * connections (a failover, a pooler, a firewall) says nothing to either end. The other connections of the pool may be
 * as dead, so those not in use are closed, too.
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
          this.giveUpIfDead(error);
          callback(error, result);
        };
      }
      // biome-ignore lint/suspicious/noExplicitAny: see above.
      const answer = (super.query as any)(...statement);
      answer?.then?.(undefined, (error: unknown) => this.giveUpIfDead(error));
      return answer;
    }

    private giveUpIfDead(error: unknown) {
      if (!hasTimedOut(error)) return;
      // With a statement under way, the driver closes the socket instead of taking leave of the server.
      this.end().catch(() => {});
      closeIdle();
    }
  }

  // A connection that loses its server emits an error, idle on the pool and in use on itself; without a listener
  // that ends the process. In use, the next statement reports it too.
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
