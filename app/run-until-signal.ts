import { reasonOf } from './base/reason-of.ts';
import { SHUTDOWN } from './base/shutdown.ts';
import { ConfigError } from './config.ts';
import { isDatabaseAway, isUnmigrated, UNMIGRATED } from './db/errors.ts';
import { KeyRingError } from './installs/index.ts';
import { IntegrationError } from './integration-check.ts';

export interface Running {
  /** Settles when the work ends by itself, which it does only after a fatal error. */
  readonly ended?: Promise<void>;
  /** @returns how many jobs were aborted. */
  stop(): Promise<number>;
}

/**
 * The life of a process: starts, waits for SIGTERM or SIGINT, stops within 25 seconds and exits with 0. Prints the reason
 * and exits with 1 when the start fails, or when the work ends by itself or is aborted.
 */
export async function runUntilSignal(name: string, start: () => Promise<Running>): Promise<void> {
  let running: Running;
  const signalled = new Promise<void>((resolve) => {
    // Not `once`: a second signal would end the process at once, as when both npm and the terminal send one.
    process.on('SIGTERM', () => resolve());
    process.on('SIGINT', () => resolve());
    // Only with a parent on an IPC channel (npm start): the parent is gone.
    process.once('disconnect', () => resolve());
  });
  try {
    running = await start();
  } catch (error) {
    console.error(explain(name, error as Error));
    process.exit(1);
  }
  // The callback ignores the error of a closed channel, which `disconnect` handles.
  process.send?.('ready', undefined, undefined, () => {});
  const failed = await Promise.race([signalled.then(() => undefined), endOf(running)]);
  if (failed !== undefined) console.error(`${name}: ${failed}`);
  setTimeout(() => {
    console.error(
      `${name}: work was still running after ${SHUTDOWN.processMs / 1000} seconds and was aborted`,
    );
    process.exit(1);
  }, SHUTDOWN.processMs).unref();
  const aborted = await running.stop();
  if (aborted > 0)
    console.error(
      `${name}: work was aborted (jobs still running: ${aborted}); another process will run it again`,
    );
  process.exit(failed === undefined && aborted === 0 ? 0 : 1);
}

/** Why the work ended by itself. */
async function endOf({ ended = new Promise<void>(() => {}) }: Running): Promise<string> {
  try {
    await ended;
    return 'the work ended by itself; restart the process';
  } catch (error) {
    return reasonOf(error);
  }
}

function explain(name: string, error: Error & { code?: string; port?: number }): string {
  if ([ConfigError, KeyRingError, IntegrationError].some((kind) => error instanceof kind))
    return error.message;
  if (error.code === 'EADDRINUSE') {
    return `Port ${error.port} is in use: stop the program that uses it, or set another PORT.`;
  }
  if (isDatabaseAway(error)) return `The database does not answer: ${reasonOf(error)}.`;
  if (isUnmigrated(error)) return UNMIGRATED;
  return `${name} could not start: ${reasonOf(error)}`;
}
