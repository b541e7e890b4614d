import type { Logger } from './base/logger.ts';
import { currentCause } from './base/trace.ts';

/**
 * Errors that reach nobody: a rejection that is awaited nowhere (`void send()`), and what is thrown where nobody
 * catches it (in the callback of a timer, or as the `error` of an emitter without a listener). Those of a webhook
 * handler or of a request, which a card answers, are logged: they would end the process for everybody else, and that
 * of a handler before any attempt is counted, again at each start, as the event is still the first of its record. All
 * others end the process, as they do without this: nobody knows what they left undone.
 */
export function outliveStrayErrors(logger: Logger): void {
  process.on('unhandledRejection', (reason) => {
    if (!isOfOnePiece()) throw reason;
    logger.error({ err: reason }, 'a promise was rejected that nobody awaits');
  });
  process.on('uncaughtException', (error: unknown) => {
    if (!isOfOnePiece()) {
      console.error(error instanceof Error ? error.stack : error);
      process.exit(1);
    }
    logger.error({ err: error }, 'a callback threw what nobody catches');
  });
}

/** Whether what is under way is for one event or one request. */
function isOfOnePiece(): boolean {
  const { eventId, requestId } = currentCause();
  return (eventId ?? requestId) !== undefined;
}
