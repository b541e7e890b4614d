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

/** First half of an advisory lock's key: what the second half names. */
export const LOCKS = { workerAlive: 48_179, tokenRefresh: 48_180 } as const;

const RECONNECT_MS = 1_000;

/**
 * Has the server ask for a sign of life, so that a host that vanished without a word loses its locks after some
 * twenty seconds; by default that takes two hours. Where the server cannot, it says so in its log and goes on.
 */
const NOTICE_LOSS = `select set_config(name, value, false) from (values ('tcp_keepalives_idle', '5'),
  ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '20s')) as s (name, value)`;

interface Lock {
  readonly kind: number;
  readonly name: string;
}

/** `try`: take it if it is free. `wait`: take it as soon as it is free; meanwhile this process takes no other. */
type Action = 'try' | 'wait' | 'release';

interface Wish extends Lock {
  readonly action: Action;
}

/** What came while the connection was busy goes out together as the next statement. */
const MOST_TOGETHER = 500;

export type SessionLocks = ReturnType<typeof createSessionLocks>;

/**
 * Locks that live as long as this process: all are held on one connection of its own, so however many there are,
 * none occupies the pool, and Postgres frees them the moment the process is gone. Needs a direct connection
 * (a pooler in transaction mode keeps no session).
 *
 * The locks of one process do not exclude each other; callers see to that themselves.
 */
export function createSessionLocks(
  database: DatabaseSettings,
  logger: Logger,
  { connectMs, statementMs }: DatabasePatience = PATIENCE.worker,
) {
  /** Locks to take again after the connection was lost. */
  const kept: Lock[] = [];
  let connecting: Promise<pg.Client> | undefined;
  /** What `connecting` has resolved to. */
  let current: pg.Client | undefined;
  let closed = false;
  const wishes = createGroupCommit<Wish, boolean>(async (sent) => {
    const client = await connection();
    return carryOut(client, sent).catch((error) => {
      lose(client, error);
      throw error;
    });
  }, MOST_TOGETHER);

  return {
    /** @returns false when another process holds the lock. */
    tryAcquire: (kind: number, name: string): Promise<boolean> => wishes.add({ action: 'try', kind, name }),

    /** @returns false when this process no longer held it. */
    release: (kind: number, name: string): Promise<boolean> => wishes.add({ action: 'release', kind, name }),

    /** Whether any process holds the lock, for people who look on. */
    isHeld: async (db: Db, kind: number, name: string): Promise<boolean> =>
      (await heldOf(db, kind, [name])).has(name),

    heldOf,

    /** Holds a lock until `close`, over lost connections. */
    async keep(kind: number, name: string): Promise<void> {
      kept.push({ kind, name });
      await wishes.add({ action: 'wait', kind, name });
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
      await client.query(NOTICE_LOSS);
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

  /** Whatever went wrong on the connection: its locks are given up with it, and those that are kept taken again. */
  function lose(client: pg.Client, err: Error) {
    if (client !== current) return;
    connecting = current = undefined;
    end(client);
    if (closed) return;
    logger.warn({ err }, 'the connection that holds this process’s locks was lost; taking them again');
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

/** Those of the named locks that any process holds, for people who look on. */
async function heldOf(db: Db, kind: number, names: readonly string[]): Promise<Set<string>> {
  const { rows } = await db.query<{ name: string }>(
    `select name from unnest($2::text[]) as name where hashtext(name)::bigint & 4294967295 in
       (select objid::bigint from pg_locks where locktype = 'advisory' and granted and classid::bigint = $1
          and database = (select oid from pg_database where datname = current_database()))`,
    [kind, names],
  );
  return new Set(rows.map(({ name }) => name));
}

/** In the order given, in one statement. @returns for each whether it was taken, or was held until now. */
async function carryOut(client: pg.Client, locks: readonly Wish[]): Promise<boolean[]> {
  if (locks.length === 0) return [];
  const { rows } = await client.query<{ done: boolean }>(
    `select case action
       when 'try' then pg_try_advisory_lock(kind, hashtext(name))
       when 'wait' then pg_advisory_lock(kind, hashtext(name))::text is not null
       else pg_advisory_unlock(kind, hashtext(name)) end as done
     from unnest($1::text[], $2::int[], $3::text[]) as wish (action, kind, name)`,
    [locks.map(({ action }) => action), locks.map(({ kind }) => kind), locks.map(({ name }) => name)],
  );
  return rows.map(({ done }) => done);
}
