import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { migrate } from '../../app/db/migrate.ts';
import { type Postgres, startPostgres } from '../../scripts/embedded-postgres.ts';
import { freePort } from './processes.ts';

export type OwnPostgres = Awaited<ReturnType<typeof startOwnPostgres>>;

/** A migrated PostgreSQL that belongs to one test, which may stop it and start it again under the same address. */
export async function startOwnPostgres(flags: readonly string[] = []) {
  const folder = await mkdtemp(path.join(tmpdir(), 'hubspot-app-own-'));
  // Where root runs the tests, PostgreSQL runs as another user, who has to get in.
  await chmod(folder, 0o755);
  const port = await freePort();
  const start = () =>
    startPostgres(path.join(folder, 'postgres'), [
      'fsync=off',
      'max_connections=200',
      ...flags,
      `port=${port}`,
    ]);
  let running: Postgres | undefined = await start();
  const url = new URL(running.url);
  url.port = String(port);
  await migrate({ url: url.href });

  return {
    url: url.href,

    /** Ends all connections at once. */
    async stop(): Promise<void> {
      await running?.stop();
      running = undefined;
    },

    async start(): Promise<void> {
      running ??= await start();
    },

    async remove(): Promise<void> {
      await running?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
