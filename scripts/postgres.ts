import { startPostgres } from './embedded-postgres.ts';

/**
 * Embedded PostgreSQL as a process of its own, so that Ctrl-C reaches the processes that use it first and this one
 * last: it stops when it is told to, or when the process that started it is gone.
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
  // The server was stopped while it started: that is no failure to tell of.
  if (stopping) process.exit(0);
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
