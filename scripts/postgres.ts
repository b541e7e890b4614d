import { startPostgres } from './embedded-postgres.ts';

/**
 * Embedded PostgreSQL as a process of its own, so that Ctrl-C reaches the processes that use it first and this one
 * last: it stops when it is told to, or when the process that started it is gone.
 */
process.on('SIGINT', () => {});

const [databaseDir = ''] = process.argv.slice(2);
try {
  const postgres = await startPostgres(databaseDir);
  const stop = async () => {
    await postgres.stop();
    process.exit(0);
  };
  process.once('SIGTERM', stop);
  process.once('disconnect', stop);
  process.send?.({ url: postgres.url });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
