import type { Logger } from '../../base/logger.ts';
import { isIdempotent } from './errors.ts';
import { logFailure } from './failure-log.ts';
import type { Send } from './http.ts';
import { withRetries } from './retry.ts';

/** The same deadline as an interactive call of a portal. */
const LONGEST_MS = 10_000;

/** Sends requests that need no portal's token and use no portal's budget. Retries where that is safe. */
export function createDeveloperSend(http: Send, logger: Logger, once = false): Send {
  return (request) => {
    const endsAt = performance.now() + LONGEST_MS;
    const left = () => endsAt - performance.now();
    return withRetries(() => http({ ...request, timeoutMs: left() }), {
      idempotent: isIdempotent(request),
      leftMs: () => (once ? 0 : left()),
      onFailure: (error, attempt, delay) => logFailure(logger, error, { attempt }, delay),
    });
  };
}
