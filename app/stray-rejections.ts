import type { Logger } from './logger.ts';
import { currentCause } from './trace.ts';

/**
 * For the worker: a rejection that a webhook handler awaits nowhere (`void send()`) is logged. It would end the process
 * before any attempt is counted, and again at each start, as the event is still the first of its record. All others
 * end the process, as they do without this: nobody knows what they left undone.
 */
export function outliveStrayRejections(logger: Logger): void {
  process.on('unhandledRejection', (reason) => {
    if (currentCause().eventId === undefined) throw reason;
    logger.error({ err: reason }, 'a webhook handler did not await a promise, and it was rejected');
  });
}
