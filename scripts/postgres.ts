import { startPostgres } from './embedded-postgres.ts';

/**
 * Embedded PostgreSQL in a separate process, so that Ctrl-C stops the processes that use it first and this one
 * last: it stops on request, or when its parent process has ended.
 */
process.on('SIGINT', () => {});

let stopping = false;
const told = new Promise<void>((resolve) => {
  const stop = () => {
    stopping = true;
    resolve();
  };
  process.once('SIGTERM', stop);
  process.once('disconnect', stop);
});
const [databaseDir = ''] = process.argv.slice(2);
try {
  const postgres = await startPostgres(databaseDir);
  process.send?.({ url: postgres.url }, undefined, undefined, () => {});
  await told;
  await postgres.stop();
  process.exit(0);
} catch (error) {
  // The server was stopped during its start, which is not an error.
  if (stopping) process.exit(0);
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
