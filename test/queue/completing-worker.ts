import { run } from 'graphile-worker';
import { createPool } from '../../app/db/pool.ts';
import { retryablePool } from '../../app/queue/workarounds/retryable-pool.ts';

/** A worker of the library alone (`bare`) or with the workaround (`retryable`). */
const [, , kind] = process.argv;
const pool = createPool({ url: process.env.DATABASE_URL ?? '' }, () => {});
await run({
  pgPool: kind === 'retryable' ? retryablePool(pool) : pool,
  taskList: { work: async () => {} },
  concurrency: 1,
  pollInterval: 50,
  // Statements that are not prepared carry their text each time.
  preset: { worker: { preparedStatements: false } },
});
process.send?.('ready');
