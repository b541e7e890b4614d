import type { HubSpotError } from './errors.ts';

const FIRST_MS = 300;
const LONGEST_MS = 5_000;
/** HubSpot locks a record for a moment: "at least two seconds". */
const LOCKED_MS = 2_000;

/** Trouble on the way to HubSpot in which a second try can help; 522, 525 and 526 are for HubSpot's support. */
const PASSING = new Set([500, 502, 503, 504, 520, 521, 523, 524]);
/** The connection was never made, so nothing was sent. */
const NEVER_SENT = /\((ECONNREFUSED|ENOTFOUND|EAI_AGAIN)\)/;

/**
 * How long to wait before the same request is sent again, or undefined when it must not be.
 *
 * A request that HubSpot refused before doing anything (429, 423, 477) is safe to repeat; one that may have been
 * carried out (5xx, no answer, an answer that cannot be read) only when repeating it changes nothing. HubSpot's
 * `Retry-After` goes before our own wait; a wait past the call's deadline is none.
 * @param attempt the one that failed, counted from 1.
 * @param leftMs milliseconds until the call's deadline.
 * @see platform: limits, errors, retries
 */
export function retryDelay(
  error: HubSpotError,
  idempotent: boolean,
  attempt: number,
  leftMs: number,
  random = Math.random(),
): number | undefined {
  const own = ownDelay(error, idempotent, attempt);
  if (own === undefined) return undefined;
  const jittered = own * (0.75 + random / 2);
  const delay = Math.max(jittered, (error.retryAfter ?? 0) * 1000);
  return delay < leftMs ? delay : undefined;
}

function ownDelay(error: HubSpotError, idempotent: boolean, attempt: number): number | undefined {
  const grown = Math.min(FIRST_MS * 2 ** (attempt - 1), LONGEST_MS);
  switch (error.status) {
    case 429:
      if (error.policyName === 'DAILY') return undefined;
      return error.policyName === 'SECONDLY' ? 1_000 : 2_000;
    case 423:
      return Math.max(LOCKED_MS, grown);
    case 477:
      // Without HubSpot's word when the account has moved there is nothing to wait for.
      return error.retryAfter === undefined ? undefined : grown;
    case undefined:
      return idempotent || NEVER_SENT.test(error.summary) ? grown : undefined;
    default:
      return idempotent && (PASSING.has(error.status) || error.status < 300) ? grown : undefined;
  }
}
