import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { migrate } from '../app/db/migrate.ts';
import { startPostgres } from '../scripts/embedded-postgres.ts';

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** `1234567` as `1,234,567`. */
export const count = (value: number): string => Math.round(value).toLocaleString('en');

/** How many of `done` a second, as `1,234`. */
export const rate = (done: number, seconds: number): string => count(done / seconds);

/** How fast ours is, measured in theirs: 1.00 is as fast, 2.00 twice as fast. */
export const ratio = (ours: number, theirs: number): string => (theirs / ours).toFixed(2);

/** Settings of a server that is measured. */
export const settings = (databaseUrl: string, hubspotUrl: string, serverUrl = NOWHERE) => ({
  SERVER_URL: serverUrl,
  DATABASE_URL: databaseUrl,
  HUBSPOT_APP_ID: '193354',
  HUBSPOT_CLIENT_ID: 'sandbox-client-id',
  HUBSPOT_CLIENT_SECRET: 'sandbox-client-secret',
  HUBSPOT_API_URL: hubspotUrl,
  TOKEN_KEYS: `bench:${Buffer.alloc(32, 1).toString('base64url')}`,
  API_KEY: 'bench-api-key-bench-api-key-bench-api-key',
  SESSION_SECRET: 'bench-session-secret-bench-session-secret',
  LOG_LEVEL: 'warn',
});

/** An address where nothing listens. */
export const NOWHERE = 'http://localhost:9';

/** The machine, in one line: a figure means nothing without it. */
export function machine(): string {
  const [cpu] = cpus();
  const model = cpu?.model.replace(/\s+/g, ' ').trim() || 'unknown CPU';
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${model}, ${cpus().length} cores, ${memory} GB, Node ${process.version}, ${process.platform}`;
}

/**
 * Runs all sides in turn, so that the conditions are the same. Round 0 warms them up and is not counted.
 * @param sides what each takes, in seconds.
 * @returns the median of each.
 */
export async function inTurn<Sides extends readonly ((round: number) => Promise<number>)[]>(
  rounds: number,
  ...sides: Sides
): Promise<{ [Side in keyof Sides]: number }> {
  const results = sides.map((): number[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, side] of sides.entries()) {
      const seconds = await side(round);
      if (round > 0) results[index]?.push(seconds);
    }
  }
  return results.map(median) as { [Side in keyof Sides]: number };
}

export interface Surroundings {
  readonly databaseUrl: string;
  /** Gone at the end. */
  readonly folder: string;
  /** Starts one of this folder's programs; resolves with the first message that it sends. */
  start(
    file: string,
    env: Record<string, string>,
    args?: readonly string[],
  ): Promise<{ child: ChildProcess; said: unknown }>;
}

/**
 * A new migrated database and child processes, which are removed at the end.
 * @param flags settings of PostgreSQL.
 */
export async function withSurroundings<T>(
  work: (surroundings: Surroundings) => Promise<T>,
  flags: readonly string[] = [],
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
  // Where root runs this, PostgreSQL runs as another user, who has to get in.
  await chmod(folder, 0o755);
  const postgres = await startPostgres(path.join(folder, 'postgres'), flags);
  const children: ChildProcess[] = [];
  try {
    await migrate({ url: postgres.url });
    return await work({
      databaseUrl: postgres.url,
      folder,
      async start(file, env, args = []) {
        const child = fork(path.join(import.meta.dirname, file), args, {
          env: { PATH: process.env.PATH, ...env },
          stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        });
        children.push(child);
        const ended = once(child, 'exit').then(([code]) => {
          throw new Error(`${file} ended with ${code} before it said anything`);
        });
        const [said] = (await Promise.race([once(child, 'message'), ended])) as unknown[];
        ended.catch(() => {});
        return { child, said };
      },
    });
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
