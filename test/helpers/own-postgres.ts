import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { migrate } from '../../app/db/migrate.ts';
import { type Postgres, startPostgres } from '../../scripts/embedded-postgres.ts';
import { createDatabaseFolder } from './database-folder.ts';
import { freePort } from './processes.ts';

export type OwnPostgres = Awaited<ReturnType<typeof startOwnPostgres>>;

/** A migrated PostgreSQL that belongs to one test, which may stop it and start it again under the same address. */
export async function startOwnPostgres(flags: readonly string[] = []) {
  const folder = await createDatabaseFolder();
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

    /** Freezes all of its processes, as on a host that hangs, until `thaw`. Linux only. */
    async freeze(): Promise<void> {
      for (const pid of await processesOf(folder)) process.kill(pid, 'SIGSTOP');
    },

    async thaw(): Promise<void> {
      for (const pid of await processesOf(folder)) process.kill(pid, 'SIGCONT');
    },

    /** Stops the server, which ends all connections. */
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

/** The server and its children. */
async function processesOf(folder: string): Promise<number[]> {
  const files = await readdir(folder, { recursive: true });
  const file = files.find((name) => name.endsWith('postmaster.pid'));
  if (!file) throw new Error('PostgreSQL does not run.');
  const main = Number((await readFile(path.join(folder, file), 'utf8')).split('\n')[0]);
  const children = await readFile(`/proc/${main}/task/${main}/children`, 'utf8');
  return [main, ...children.trim().split(' ').filter(Boolean).map(Number)];
}
