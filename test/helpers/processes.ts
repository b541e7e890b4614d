import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { PROGRAM_ENV } from './program-env.ts';
import { WITH_FIXTURES } from './vendor.ts';

export { freePort } from '../../scripts/free-port.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');

export interface RunningProcess {
  readonly child: ChildProcess;
  /** What it has printed so far, both streams. */
  output(): string;
  readonly ended: Promise<Ended>;
  /** Sends the signal and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<Ended>;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Starts `app/server.ts`, `app/worker.ts` or a test's own program, and waits until it reports that it is ready. */
export async function startProcess(
  file: string,
  env: Record<string, string>,
  args: string[] = [],
): Promise<RunningProcess> {
  const child = fork(path.join(ROOT, file), args, {
    env: { ...PROGRAM_ENV, ...env },
    execArgv: WITH_FIXTURES,
    silent: true,
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  // Not `exit`, because the last output arrives after it.
  const ended: Promise<Ended> = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  const ready = await Promise.race([once(child, 'message').then(() => true), ended.then(() => false)]);
  if (!ready) throw new Error(`${file} did not start:\n${output}`);
  return {
    child,
    ended,
    output: () => output,
    kill(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}
