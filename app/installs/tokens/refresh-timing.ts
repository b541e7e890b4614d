import type { HubSpotError } from '../../hubspot/client/errors.ts';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 5 * 60 * 1000;
/** A wrong header must not silence an install for days; an account that moves to another region may take one. */
const LONGEST_RETRY_AFTER_S = 60 * 60;
const LONGEST_MOVE_S = 24 * 60 * 60;
const MOVING = 477;

/**
 * How long to wait after a failed refresh: one second, doubling to five minutes, give or take a quarter, so that
 * the installs that failed together do not come back together. HubSpot's own word (`Retry-After`, in seconds)
 * goes before, up to an hour; up to a day while the account moves (477).
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

/**
 * How much earlier than the last moment the sweep refreshes: one to three minutes, at random, so that installs that
 * were made together drift apart. At least one of the sweep's minutes, so that no data call has to wait.
 */
export const sweepAheadMs = (random = Math.random()) => (1 + 2 * random) * 60 * 1000;
