import { HubSpotError, WRONG_REGION } from './errors.ts';

const FIRST_MS = 300;
const LONGEST_MS = 5_000;
/** HubSpot documents "at least two seconds" for a locked record (423). */
const LOCKED_MS = 2_000;
/** How long until a full rate-limit window has room again. */
const WINDOW_MS: Record<string, number> = { SECONDLY: 1_000, TEN_SECONDLY_ROLLING: 2_000 };
/**
 * Longest hold, whatever `Retry-After` says: the daily limit ends at midnight in the account's time zone, which we do
 * not know, and only a call shows that it has ended.
 */
const DAY_CHECK_MS = 15 * 60 * 1000;

/** Transient errors; 522, 525 and 526 are for HubSpot's support. */
const PASSING = new Set([408, 500, 502, 503, 504, 520, 521, 523, 524]);

export interface Retries {
  readonly idempotent: boolean;
  /** Milliseconds until the request must be sent; 0 for a request that must not be retried. */
  leftMs(): number;
  /** Called for each failure; `delay` is undefined for the last. */
  onFailure(error: HubSpotError, attempt: number, delay: number | undefined): void;
}

/** Sends a request and retries it by the rules of {@link retryDelay}. */
export async function withRetries<T>(
  send: () => Promise<T>,
  { idempotent, leftMs, onFailure }: Retries,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof HubSpotError)) throw error;
      const delay = retryDelay(error, idempotent, attempt, leftMs());
      onFailure(error, attempt, delay);
      if (delay === undefined) throw error;
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
}

/**
 * Milliseconds until the request is retried; undefined when it must not be.
 *
 * A request that HubSpot rejected before processing it (429, 423, 477, 488) is safe to repeat; one that may have been
 * processed (5xx, no response, an unreadable response) only when it is idempotent. `Retry-After` takes precedence over
 * our own back-off. There is no retry past the deadline.
 * @param attempt the failed one, counted from 1.
 * @param leftMs milliseconds until the request must be sent.
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
  // HubSpot's wait is a minimum, so jitter only adds to it; our own back-off varies both ways.
  const least = leastWait(error);
  const delay = Math.max(own * (0.75 + random / 2), least * (1 + random / 4));
  return delay < leftMs ? delay : undefined;
}

function leastWait(error: HubSpotError): number {
  const asked = (error.retryAfter ?? 0) * 1000;
  if (error.status === 429) return rateLimitWait(error);
  return error.status === 423 ? Math.max(LOCKED_MS, asked) : asked;
}

/** Milliseconds for which the portal's calls are held after a 429. */
export function rateLimitWait({ policyName = '', retryAfter = 0 }: HubSpotError): number {
  if (policyName === 'DAILY' && retryAfter === 0) return DAY_CHECK_MS;
  return Math.min(Math.max(WINDOW_MS[policyName] ?? 2_000, retryAfter * 1000), DAY_CHECK_MS);
}

/**
 * Milliseconds until a rate-limited call can be retried; undefined for other errors. For a call that was not sent, it
 * is the budget's wait.
 */
export function limitWait(error: HubSpotError): number | undefined {
  if (error.status === 429) return Math.max(rateLimitWait(error), (error.retryAfter ?? 0) * 1000);
  return error.sent || error.retryAfter === undefined ? undefined : error.retryAfter * 1000;
}

function ownDelay(error: HubSpotError, idempotent: boolean, attempt: number): number | undefined {
  const grown = Math.min(FIRST_MS * 2 ** (attempt - 1), LONGEST_MS);
  switch (error.status) {
    case 429:
      return error.policyName === 'DAILY' ? undefined : 0;
    case 423:
    case WRONG_REGION:
      return grown;
    case 477:
      // Without Retry-After it is unknown when the account's migration ends.
      return error.retryAfter === undefined ? undefined : grown;
    case undefined:
      return idempotent || !error.sent ? grown : undefined;
    default:
      return idempotent && PASSING.has(error.status) ? grown : undefined;
  }
}
