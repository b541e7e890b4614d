import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { migrate } from '../app/db/migrate.ts';
import { startPostgres } from '../scripts/embedded-postgres.ts';

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** `1234567` as `1,234,567`. */
export const count = (value: number): string => Math.round(value).toLocaleString('en');

/** The machine, in one line: a figure means nothing without it. */
export function machine(): string {
  const [cpu] = cpus();
  const model = cpu?.model.replace(/\s+/g, ' ').trim() || 'unknown CPU';
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${model}, ${cpus().length} cores, ${memory} GB, Node ${process.version}, ${process.platform}`;
}

/** Two sides in turn, so that both meet the same weather; the median of each. */
export async function inTurn(
  rounds: number,
  ours: (round: number) => Promise<number>,
  theirs: (round: number) => Promise<number>,
): Promise<{ ours: number; theirs: number }> {
  const results = { ours: [] as number[], theirs: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    results.theirs.push(await theirs(round));
    results.ours.push(await ours(round));
  }
  return { ours: median(results.ours), theirs: median(results.theirs) };
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

/** A migrated database of its own, and child processes; all of it is gone at the end. */
export async function withSurroundings<T>(work: (surroundings: Surroundings) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
  const postgres = await startPostgres(path.join(folder, 'postgres'));
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
