import pg from 'pg';
import type { Logger } from '../logger.ts';
import { connectionOptions, type DatabaseSettings, type Db } from './pool.ts';

/** First half of an advisory lock's key: what the second half names. */
export const LOCKS = { workerAlive: 48_179, tokenRefresh: 48_180 } as const;

const RECONNECT_MS = 1_000;

export type SessionLocks = ReturnType<typeof createSessionLocks>;

/**
 * Locks that live as long as this process: all are held on one connection of its own, so however many there are,
 * none occupies the pool, and Postgres frees them the moment the process is gone. Needs a direct connection
 * (a pooler in transaction mode keeps no session).
 *
 * The locks of one process do not exclude each other; callers see to that themselves.
 */
export function createSessionLocks(database: DatabaseSettings, logger: Logger) {
  /** Locks to take again after the connection was lost. */
  const kept: { kind: number; name: string }[] = [];
  let connecting: Promise<pg.Client> | undefined;
  let closed = false;

  return {
    /** @returns false when another process holds the lock. */
    async tryAcquire(kind: number, name: string): Promise<boolean> {
      const client = await connection();
      const { rows } = await client.query('select pg_try_advisory_lock($1, hashtext($2)) as locked', [
        kind,
        name,
      ]);
      return rows[0].locked;
    },

    async release(kind: number, name: string): Promise<void> {
      const client = await connection();
      await client.query('select pg_advisory_unlock($1, hashtext($2))', [kind, name]);
    },

    /** Whether any process holds the lock, for people who look on. */
    async isHeld(db: Db, kind: number, name: string): Promise<boolean> {
      const { rows } = await db.query(
        `select exists (select from pg_locks where locktype = 'advisory' and granted
           and database = (select oid from pg_database where datname = current_database())
           and classid::bigint = $1 and objid::bigint = hashtext($2)::bigint & 4294967295) as held`,
        [kind, name],
      );
      return rows[0].held;
    },

    /** Holds a lock until `close`, over lost connections. */
    async keep(kind: number, name: string): Promise<void> {
      kept.push({ kind, name });
      await takeKept(await connection(), { kind, name });
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
    const client = new pg.Client(connectionOptions(database));
    client.on('error', (err) => {
      connecting = undefined;
      if (closed) return;
      logger.warn({ err }, 'the connection that holds this process’s locks was lost; taking them again');
      reconnect();
    });
    await client.connect();
    for (const lock of kept) await takeKept(client, lock);
    return client;
  }

  function reconnect() {
    if (closed || kept.length === 0) return;
    connection().catch(() => setTimeout(reconnect, RECONNECT_MS).unref());
  }

  function takeKept(client: pg.Client, { kind, name }: { kind: number; name: string }) {
    return client.query('select pg_advisory_lock($1, hashtext($2))', [kind, name]);
  }
}
