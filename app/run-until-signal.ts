import { reasonOf } from './base/reason-of.ts';
import { SHUTDOWN } from './base/shutdown.ts';
import { ConfigError } from './config.ts';
import { isDatabaseAway, isUnmigrated, UNMIGRATED } from './db/errors.ts';
import { KeyRingError } from './installs/index.ts';
import { RegistryError } from './registry-check.ts';

export interface Running {
  /** Settles when the work ends by itself, which it does only when it cannot go on. */
  readonly ended?: Promise<void>;
  /** @returns how many pieces of work were cut off. */
  stop(): Promise<number>;
}

/**
 * The life of a process: start, wait for SIGTERM or SIGINT, stop within 25 seconds, exit 0. A start that fails
 * says why in plain words and exits 1, as does work that ends by itself or is cut off.
 */
export async function runUntilSignal(name: string, start: () => Promise<Running>): Promise<void> {
  let running: Running;
  const signalled = new Promise<void>((resolve) => {
    // Not once: a second signal, as when npm passes on what the terminal sent to all, would end the process at once.
    process.on('SIGTERM', () => resolve());
    process.on('SIGINT', () => resolve());
    // Only with a parent on an IPC channel (npm start): whoever started this process is gone.
    process.once('disconnect', () => resolve());
  });
  try {
    running = await start();
  } catch (error) {
    console.error(explain(name, error as Error));
    process.exit(1);
  }
  // The callback takes the error of a channel that closed meanwhile; `disconnect` has been noticed then.
  process.send?.('ready', undefined, undefined, () => {});
  const failed = await Promise.race([signalled.then(() => undefined), endOf(running)]);
  if (failed !== undefined) console.error(`${name}: ${failed}`);
  setTimeout(() => {
    console.error(
      `${name}: work was still under way after ${SHUTDOWN.processMs / 1000} seconds and is cut off`,
    );
    process.exit(1);
  }, SHUTDOWN.processMs).unref();
  const cutOff = await running.stop();
  if (cutOff > 0)
    console.error(
      `${name}: work was cut off (jobs still under way: ${cutOff}); another process runs it again`,
    );
  process.exit(failed === undefined && cutOff === 0 ? 0 : 1);
}

/** Why the work ended though nobody asked for it. */
async function endOf({ ended = new Promise<void>(() => {}) }: Running): Promise<string> {
  try {
    await ended;
    return 'the work ended by itself; start the process again';
  } catch (error) {
    return reasonOf(error);
  }
}

function explain(name: string, error: Error & { code?: string; port?: number }): string {
  if ([ConfigError, KeyRingError, RegistryError].some((kind) => error instanceof kind)) return error.message;
  if (error.code === 'EADDRINUSE') {
    return `Port ${error.port} is taken: stop what uses it, or set another PORT.`;
  }
  if (isDatabaseAway(error)) return `The database does not answer: ${reasonOf(error)}.`;
  if (isUnmigrated(error)) return UNMIGRATED;
  return `${name} could not start: ${reasonOf(error)}`;
}
