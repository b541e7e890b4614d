import type { HubSpotError } from '../../hubspot/client/errors.ts';

/** How long before its expiry an access token is no longer handed out without a refresh. */
export const REFRESH_MARGIN_MS = 5 * 60 * 1000;

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 5 * 60 * 1000;
/** A wrong header must not stop an install for days; an account's move to another region may take one. */
const LONGEST_RETRY_AFTER_S = 60 * 60;
const LONGEST_MOVE_S = 24 * 60 * 60;
const MOVING = 477;

/**
 * The delay before a failed refresh is retried: exponential back-off from one second to five minutes with a jitter of
 * 25 %. A longer `Retry-After` (in seconds) takes precedence, up to an hour; up to a day while the account moves (477).
 * @param failures how many refreshes in a row had failed before this one.
 */
export function retryDelayMs(
  failures: number,
  { status, retryAfter = 0 }: Pick<HubSpotError, 'status' | 'retryAfter'>,
  random = Math.random(),
): number {
  const grown = Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures, 20), LONGEST_RETRY_MS);
  const jittered = grown * (0.75 + random / 2);
  const asked = Math.min(retryAfter, status === MOVING ? LONGEST_MOVE_S : LONGEST_RETRY_AFTER_S) * 1000;
  return Math.round(Math.max(jittered, asked));
}

/** When the sweep refreshes a token that was issued at `now`: before the margin, but not in the first half of its life. */
export function refreshDueAt(now: number, lifetimeMs: number): Date {
  return new Date(Math.max(now + lifetimeMs - REFRESH_MARGIN_MS - sweepAheadMs(), now + lifetimeMs / 2));
}

/**
 * The sweep refreshes one to three minutes before the margin, at random, so that installs of the same moment spread
 * out. At least one interval of the sweep, so that no data call has to wait.
 */
const sweepAheadMs = (random = Math.random()) => (1 + 2 * random) * 60 * 1000;
