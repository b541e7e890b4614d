import type { PoolClient, QueryResult } from 'pg';
import { type Db, HANDLER_CONNECTIONS, type Pool } from '../../db/pool.ts';
import { webhookEventsStore } from '../events-store.ts';

/** Another worker has settled the event, or an earlier event of its record has arrived. */
export class EventNotDue extends Error {
  override readonly name = 'EventNotDue';
}

/**
 * Transactions for the handlers of events, on a separate pool. A transaction begins with the handlers' first statement,
 * so events whose handlers use no database cost none, and it also marks the event as done.
 */
export function createEventTransactions(pool: Pool) {
  // Queued here and not in the pool, where a long wait is an error and would count as a failed attempt.
  const waiting: (() => void)[] = [];
  let open = 0;

  return { create };

  /** @param before resolves when the previous events of the record are marked as done. */
  function create(eventId: string, before: () => Promise<unknown>) {
    let begun: Promise<PoolClient> | undefined;
    let ended = false;

    const db = {
      query: async (...statement: Parameters<PoolClient['query']>) => {
        if (ended) throw new Error('This transaction has ended: a handler must await its statements.');
        begun ??= begin(eventId, before);
        const client = await begun;
        return client.query(...statement);
      },
    } as unknown as Db;

    return {
      db,

      /**
       * @param isLast false when handlers of the event are left, so that it is not done yet.
       * @returns true when the event was marked as done.
       */
      async commit(isLast: boolean): Promise<boolean> {
        ended = true;
        if (!begun) return false;
        const client = await begun;
        if (isLast) await webhookEventsStore.done(client, [eventId]);
        // When a handler ignores a failed statement, PostgreSQL rolls back.
        const committed = await endTransaction(client);
        if (!committed) throw new Error('A statement of a handler failed; all its writes were rolled back.');
        release(client);
        return isLast;
      },

      async rollback(): Promise<void> {
        ended = true;
        const client = await begun?.catch(() => undefined);
        // Closing the connection rolls back on every path, also when the server is gone.
        if (client) release(client, true);
      },
    };
  }

  async function begin(eventId: string, before: () => Promise<unknown>): Promise<PoolClient> {
    await before();
    if (open >= HANDLER_CONNECTIONS) await new Promise<void>((resolve) => waiting.push(resolve));
    else open += 1;
    let client: PoolClient | undefined;
    try {
      client = await pool.connect();
      await client.query('begin');
      // Another worker may have taken over this lane while this process was frozen.
      if (!(await webhookEventsStore.lock(client, eventId)))
        throw new EventNotDue('It is not the turn of this event.');
      return client;
    } catch (error) {
      release(client, true);
      throw error;
    }
  }

  /** In one round trip. Also resets what a handler SET for the session. */
  async function endTransaction(client: PoolClient): Promise<boolean> {
    const results = (await client.query('commit; reset role; reset all')) as unknown as QueryResult[];
    return results[0]?.command === 'COMMIT';
  }

  /** Gives the connection's place to the next waiting transaction. */
  function release(client: PoolClient | undefined, broken = false) {
    client?.release(broken);
    const next = waiting.shift();
    if (next) next();
    else open -= 1;
  }
}
