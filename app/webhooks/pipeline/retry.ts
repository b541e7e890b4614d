import { AppError } from '../../base/errors.ts';
import { InvalidEvent } from '../event/handler-event.ts';
import { HandlerLoop } from '../own-writes/loops.ts';

const MOST_ATTEMPTS = 10;
const FIRST_RETRY_MS = 2_000;
/** HubSpot's longest limit is daily. */
const LONGEST_ASKED_MS = 24 * 60 * 60 * 1000;

/**
 * When to retry a failed event. Exponential backoff from two seconds to nine minutes with a quarter of jitter; ten
 * attempts in some seventeen minutes. Later when HubSpot asks for it, by a day at most.
 * @param attempt the failed one, counted from 1.
 * @returns undefined when the event becomes a dead letter.
 */
export function retryPlan(
  error: unknown,
  attempt: number,
  now: number,
  random = Math.random(),
): Date | undefined {
  if (attempt >= MOST_ATTEMPTS || isFinal(error)) return undefined;
  const grown = FIRST_RETRY_MS * 2 ** (attempt - 1) * (0.75 + random / 2);
  const asked = Math.min(retryAfterOf(error) * 1000, LONGEST_ASKED_MS);
  return new Date(now + Math.max(grown, asked));
}

/** No retry can succeed for an invalid event or without an install. Operators can replay the event after a reconnect. */
const isFinal = (error: unknown) =>
  error instanceof InvalidEvent ||
  error instanceof HandlerLoop ||
  (error instanceof AppError &&
    (error.code === 'install_not_found' || error.code === 'install_needs_reconnect'));

function retryAfterOf(error: unknown): number {
  const seconds = error instanceof Error && 'retryAfter' in error ? Number(error.retryAfter) : 0;
  return Number.isFinite(seconds) ? seconds : 0;
}
