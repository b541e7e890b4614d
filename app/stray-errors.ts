import type { Logger } from './base/logger.ts';
import { currentCause } from './base/trace.ts';

/**
 * Handles unhandled rejections and uncaught exceptions. Those of a webhook handler or a request are logged: ending the
 * process would hit all other work, and a failing event would end it again at each start, before its attempt is counted.
 * All others end the process, as by default, because the state that they left is unknown.
 */
export function surviveStrayErrors(logger: Logger): void {
  process.on('unhandledRejection', (reason) => {
    if (!belongsToOneTask()) throw reason;
    logger.error({ err: reason }, 'unhandled rejection');
  });
  process.on('uncaughtException', (error: unknown) => {
    if (!belongsToOneTask()) {
      console.error(error instanceof Error ? error.stack : error);
      process.exit(1);
    }
    logger.error({ err: error }, 'uncaught exception');
  });
}

/** Whether the current code runs for one event or one request. */
function belongsToOneTask(): boolean {
  const { eventId, requestId } = currentCause();
  return (eventId ?? requestId) !== undefined;
}
