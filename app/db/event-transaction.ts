import type { PoolClient } from 'pg';
import type { Db, Pool } from './pool.ts';
import { webhookEventsStore } from './webhook-events-store.ts';

/**
 * A transaction for the handlers of an event: begins with their first statement, so events whose handlers write
 * nothing cost none, and commits together with the mark that the event is done.
 */
export function createEventTransaction(pool: Pool, eventId: string) {
  let begun: Promise<PoolClient> | undefined;
  let ended = false;

  const db = {
    query: async (...statement: Parameters<PoolClient['query']>) => {
      if (ended) throw new Error('This transaction has ended: a handler must await its statements.');
      begun ??= begin();
      const client = await begun;
      return client.query(...statement);
    },
  } as unknown as Db;

  return {
    db,

    /** @returns true when there was something to commit, with the mark. */
    async commit(): Promise<boolean> {
      ended = true;
      if (!begun) return false;
      const client = await begun;
      await webhookEventsStore.done(client, [eventId]);
      await client.query('commit');
      client.release();
      return true;
    },

    async rollback(): Promise<void> {
      ended = true;
      const client = await begun?.catch(() => undefined);
      // Closing the connection rolls back on every path, also when the server is gone.
      client?.release(true);
    },
  };

  async function begin(): Promise<PoolClient> {
    const client = await pool.connect();
    try {
      await client.query('begin');
      // Another worker may have taken over this lane while this process was held up.
      if (!(await webhookEventsStore.lock(client, eventId)))
        throw new Error('The event was settled by another worker.');
      return client;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }
}
