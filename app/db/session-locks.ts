import pg from 'pg';
import type { Logger } from '../base/logger.ts';
import { createGroupCommit } from './group-commit.ts';
import {
  connectionOptions,
  type DatabasePatience,
  type DatabaseSettings,
  type Db,
  PATIENCE,
} from './pool.ts';

/** First half of an advisory lock's key: the kind of object that the second half identifies. */
export const LOCKS = { workerAlive: 48_179, tokenRefresh: 48_180 } as const;

const RECONNECT_MS = 1_000;

/**
 * Makes the server send TCP keepalives, so that a vanished host loses its locks after about twenty seconds instead
 * of two hours. A server without support for that logs a warning only.
 */
const KEEPALIVES = `select set_config(name, value, false) from (values ('tcp_keepalives_idle', '5'),
  ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '20s')) as s (name, value)`;

interface Lock {
  readonly kind: number;
  readonly name: string;
}

/** `try` takes the lock if it is free. `wait` takes it when it is free, and blocks this process's other locks until then. */
type Action = 'try' | 'wait' | 'release';

interface LockAction extends Lock {
  readonly action: Action;
}

/** How many actions that arrived while the connection was busy are sent in one statement. */
const MOST_TOGETHER = 500;

export type SessionLocks = ReturnType<typeof createSessionLocks>;

/**
 * Advisory locks that live as long as this process. One connection outside the pool holds all of them, and PostgreSQL
 * frees them when the process is gone. Needs a direct connection: a pooler in transaction mode keeps no session.
 *
 * Locks do not exclude each other within one process; that is up to the callers.
 */
export function createSessionLocks(
  database: DatabaseSettings,
  logger: Logger,
  { connectMs, statementMs }: DatabasePatience = PATIENCE.worker,
) {
  /** Locks to take again after the connection is lost. */
  const kept: Lock[] = [];
  let connecting: Promise<pg.Client> | undefined;
  /** The result of `connecting`. */
  let current: pg.Client | undefined;
  let closed = false;
  const actions = createGroupCommit<LockAction, boolean>(async (sent) => {
    const client = await connection();
    return carryOut(client, sent).catch((error) => {
      lose(client, error);
      throw error;
    });
  }, MOST_TOGETHER);

  return {
    /** @returns false when another process holds the lock. */
    tryAcquire: (kind: number, name: string): Promise<boolean> => actions.add({ action: 'try', kind, name }),

    /** @returns false when this process no longer held it. */
    release: (kind: number, name: string): Promise<boolean> => actions.add({ action: 'release', kind, name }),

    /** Whether any process holds the lock. For display only. */
    isHeld: async (db: Db, kind: number, name: string): Promise<boolean> =>
      (await heldOf(db, kind, [name])).has(name),

    heldOf,

    /** Holds a lock until `close`, and takes it again after a lost connection. */
    async keep(kind: number, name: string): Promise<void> {
      kept.push({ kind, name });
      await actions.add({ action: 'wait', kind, name });
    },

    async close(): Promise<void> {
      closed = true;
      const client = await connecting?.catch(() => undefined);
      await client?.end().catch(() => undefined);
    },
  };

  function connection(): Promise<pg.Client> {
    connecting ??= connect().catch((error) => {
      connecting = undefined;
      throw error;
    });
    return connecting;
  }

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client({
      ...connectionOptions(database),
      connectionTimeoutMillis: connectMs,
      query_timeout: statementMs,
    });
    client.on('error', (error) => lose(client, error));
    try {
      await client.connect();
      await client.query(KEEPALIVES);
      await carryOut(
        client,
        kept.map((lock) => ({ ...lock, action: 'wait' as const })),
      );
    } catch (error) {
      end(client);
      throw error;
    }
    current = client;
    return client;
  }

  /** Closes a failed connection, which frees its locks, and takes those of `kept` again. */
  function lose(client: pg.Client, err: Error) {
    if (client !== current) return;
    connecting = current = undefined;
    end(client);
    if (closed) return;
    logger.warn({ err }, 'the connection with the locks of this process was lost; taking them again');
    reconnect();
  }

  function end(client: pg.Client) {
    client.end().catch(() => undefined);
  }

  function reconnect() {
    if (closed || kept.length === 0) return;
    connection().catch(() => setTimeout(reconnect, RECONNECT_MS).unref());
  }
}

/** Those of the named locks that any process holds. For display only. */
async function heldOf(db: Db, kind: number, names: readonly string[]): Promise<Set<string>> {
  const { rows } = await db.query<{ name: string }>(
    `select name from unnest($2::text[]) as name where hashtext(name)::bigint & 4294967295 in
       (select objid::bigint from pg_locks where locktype = 'advisory' and granted and classid::bigint = $1
          and database = (select oid from pg_database where datname = current_database()))`,
    [kind, names],
  );
  return new Set(rows.map(({ name }) => name));
}

/** In order, in one statement. @returns for each lock whether it was taken, or held before its release. */
async function carryOut(client: pg.Client, locks: readonly LockAction[]): Promise<boolean[]> {
  if (locks.length === 0) return [];
  const { rows } = await client.query<{ done: boolean }>(
    `select case action
       when 'try' then pg_try_advisory_lock(kind, hashtext(name))
       when 'wait' then pg_advisory_lock(kind, hashtext(name))::text is not null
       else pg_advisory_unlock(kind, hashtext(name)) end as done
     from unnest($1::text[], $2::int[], $3::text[]) as wanted (action, kind, name)`,
    [locks.map(({ action }) => action), locks.map(({ kind }) => kind), locks.map(({ name }) => name)],
  );
  return rows.map(({ done }) => done);
}
