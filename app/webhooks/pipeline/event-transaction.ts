import type { PoolClient, QueryResult } from 'pg';
import { type Db, HANDLER_CONNECTIONS, type Pool } from '../../db/pool.ts';
import { webhookEventsStore } from '../events-store.ts';

/** It is not this event's turn: another worker settled it, or an earlier one of its record came meanwhile. */
export class EventNotDue extends Error {
  override readonly name = 'EventNotDue';
}

/**
 * Transactions for the handlers of events, on a pool of their own: each begins with the handlers' first statement, so
 * events whose handlers write nothing cost none, and commits together with the mark that its event is done.
 */
export function createEventTransactions(pool: Pool) {
  // They queue here, not at the pool: waiting there for long is an error, and would count as a failed attempt.
  const waiting: (() => void)[] = [];
  let open = 0;

  return { create };

  /** @param before what has to be committed earlier: the marks of its record's previous events. */
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
       * @param isLast false when the event has handlers left: it is not done yet.
       * @returns true when there was something to commit, with the mark.
       */
      async commit(isLast: boolean): Promise<boolean> {
        ended = true;
        if (!begun) return false;
        const client = await begun;
        if (isLast) await webhookEventsStore.done(client, [eventId]);
        // Where a handler kept quiet about a statement that failed, there is nothing to commit.
        const committed = await endTransaction(client);
        if (!committed) throw new Error('A statement of a handler failed: what it wrote is undone.');
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
      // Another worker may have taken over this lane while this process was held up.
      if (!(await webhookEventsStore.lock(client, eventId)))
        throw new EventNotDue('It is not the turn of this event.');
      return client;
    } catch (error) {
      release(client, true);
      throw error;
    }
  }

  /** In one round trip. What a handler SET for its session is not meant for the next one on the connection. */
  async function endTransaction(client: PoolClient): Promise<boolean> {
    const results = (await client.query('commit; reset role; reset all')) as unknown as QueryResult[];
    return results[0]?.command === 'COMMIT';
  }

  /** Gives the place to the next in line. */
  function release(client: PoolClient | undefined, broken = false) {
    client?.release(broken);
    const next = waiting.shift();
    if (next) next();
    else open -= 1;
  }
}
