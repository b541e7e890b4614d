import { AppError } from '../../base/errors.ts';
import { InvalidEvent } from '../event/handler-event.ts';
import { HandlerLoop } from '../own-writes/loops.ts';

const MOST_ATTEMPTS = 10;
const FIRST_RETRY_MS = 2_000;
/** HubSpot's longest limits are daily. */
const LONGEST_ASKED_MS = 24 * 60 * 60 * 1000;

/**
 * When a failed event is tried again: after two seconds, doubling to nine minutes, give or take a quarter; ten
 * times in all, over some seventeen minutes; later when HubSpot asks for it, by a day at the most. Undefined: not again.
 * @param attempt the one that failed, counted from 1.
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

/** An event that lacks a field stays so. Without the portal's consent no retry can succeed: replay after a reconnect. */
const isFinal = (error: unknown) =>
  error instanceof InvalidEvent ||
  error instanceof HandlerLoop ||
  (error instanceof AppError &&
    (error.code === 'install_not_found' || error.code === 'install_needs_reconnect'));

function retryAfterOf(error: unknown): number {
  const seconds = error instanceof Error && 'retryAfter' in error ? Number(error.retryAfter) : 0;
  return Number.isFinite(seconds) ? seconds : 0;
}
