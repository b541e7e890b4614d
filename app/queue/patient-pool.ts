import type { PoolClient } from 'pg';
import { isRefusal } from '../db/errors.ts';
import type { Pool } from '../db/pool.ts';

/** "The database cannot be connected to now": one of the few codes that graphile-worker tries again for. */
const CANNOT_CONNECT_NOW = '57P03';

/**
 * The pool for graphile-worker (0.18). It tells the database in the background how a job went; should the connection
 * be lost just then, it tries again for some errors only, and any other ends the process as an unhandled rejection.
 * This pool gives each lost connection the code of such an error, so that workers outlive a restart of PostgreSQL.
 */
export function patientPool(pool: Pool): Pool {
  // With a callback for the connection that listens, which has its own way of trying again.
  const connect = (callback?: Parameters<Pool['connect']>[0]) =>
    callback ? pool.connect(callback) : pool.connect().then(patientClient, passing);
  return new Proxy(pool, {
    get: (target, name) => (name === 'connect' ? connect : bound(target, name)),
  });
}

function patientClient(client: PoolClient): PoolClient {
  const query = async (...statement: Parameters<PoolClient['query']>) => {
    try {
      return await client.query(...statement);
    } catch (error) {
      return passing(error);
    }
  };
  return new Proxy(client, {
    get: (target, name) => (name === 'query' ? query : bound(target, name)),
  });
}

function passing(error: unknown): never {
  if (!(error instanceof Error) || isRefusal(error)) throw error;
  throw Object.assign(new Error(error.message, { cause: error }), { code: CANNOT_CONNECT_NOW });
}

function bound<T extends object>(target: T, name: string | symbol) {
  const value = Reflect.get(target, name);
  return typeof value === 'function' ? value.bind(target) : value;
}
