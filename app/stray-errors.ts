import type { Logger } from './logger.ts';
import { currentCause } from './trace.ts';

/**
 * For the worker: a rejection that a webhook handler awaits nowhere (`void send()`), and what it throws where nobody
 * catches it (in the callback of a timer, or as the `error` of an emitter without a listener), is logged. It would end
 * the process before any attempt is counted, and again at each start, as the event is still the first of its record.
 * All others end the process, as they do without this: nobody knows what they left undone.
 */
export function outliveStrayErrors(logger: Logger): void {
  process.on('unhandledRejection', (reason) => {
    if (currentCause().eventId === undefined) throw reason;
    logger.error({ err: reason }, 'a webhook handler did not await a promise, and it was rejected');
  });
  process.on('uncaughtException', (error: unknown) => {
    if (currentCause().eventId === undefined) {
      console.error(error instanceof Error ? error.stack : error);
      process.exit(1);
    }
    logger.error({ err: error }, 'a webhook handler threw in a callback, where nothing catches it');
  });
}
