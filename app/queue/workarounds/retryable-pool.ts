import type { PoolClient } from 'pg';
import { isRejection } from '../../db/errors.ts';
import type { Pool } from '../../db/pool.ts';

/** "The database cannot be connected to now": one of the few codes for which graphile-worker retries. */
const CANNOT_CONNECT_NOW = '57P03';

/**
 * Lets a worker survive a restart of PostgreSQL. graphile-worker 0.18 stores the result of a job in the background and
 * retries only for some error codes; any other error is an unhandled rejection, which ends the process. pg reports most
 * lost connections without a code, so this pool adds one.
 */
export function retryablePool(pool: Pool): Pool {
  // The connection that listens for jobs uses the callback, and the library reconnects it for every error.
  const connect = (callback?: Parameters<Pool['connect']>[0]) =>
    callback ? pool.connect(callback) : pool.connect().then(retryableClient, throwRetryable);
  return new Proxy(pool, {
    get: (target, name) => (name === 'connect' ? connect : bound(target, name)),
  });
}

function retryableClient(client: PoolClient): PoolClient {
  const query = async (...statement: Parameters<PoolClient['query']>) => {
    try {
      return await client.query(...statement);
    } catch (error) {
      return throwRetryable(error);
    }
  };
  return new Proxy(client, {
    get: (target, name) => (name === 'query' ? query : bound(target, name)),
  });
}

function throwRetryable(error: unknown): never {
  if (!(error instanceof Error) || isRejection(error)) throw error;
  throw Object.assign(new Error(error.message, { cause: error }), { code: CANNOT_CONNECT_NOW });
}

function bound<T extends object>(target: T, name: string | symbol) {
  const value = Reflect.get(target, name);
  return typeof value === 'function' ? value.bind(target) : value;
}
