import { HubSpotError, WRONG_REGION } from './errors.ts';

const FIRST_MS = 300;
const LONGEST_MS = 5_000;
/** HubSpot locks a record for a moment: "at least two seconds". */
const LOCKED_MS = 2_000;
/** Until one of the calls that filled the window has left it. */
const WINDOW_MS: Record<string, number> = { SECONDLY: 1_000, TEN_SECONDLY_ROLLING: 2_000 };
/**
 * HubSpot is asked again so often, whatever it said: nothing else ends a wait of hours that is no longer needed, and
 * the day's limit ends at midnight in the account's time zone, which a refusal need not tell.
 */
const DAY_CHECK_MS = 15 * 60 * 1000;

/** Trouble on the way to HubSpot in which a second try can help; 522, 525 and 526 are for HubSpot's support. */
const PASSING = new Set([408, 500, 502, 503, 504, 520, 521, 523, 524]);

export interface Retries {
  readonly idempotent: boolean;
  /** Milliseconds until the request must be sent; none are left for one that is sent once. */
  leftMs(): number;
  /** Told of each failure; `delay` is undefined for the last. */
  onFailure(error: HubSpotError, attempt: number, delay: number | undefined): void;
}

/** Sends a request, and again as {@link retryDelay} has it. */
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
 * How long to wait before the same request is sent again, or undefined when it must not be.
 *
 * A request that HubSpot refused before doing anything (429, 423, 477, 488) is safe to repeat; one that may have been
 * carried out (5xx, no answer, an answer that cannot be read) only when repeating it changes nothing. HubSpot's
 * `Retry-After` goes before our own wait; a wait past the call's deadline is none.
 * @param attempt the one that failed, counted from 1.
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
  // What HubSpot asks for is the least; a wait of our own may be shorter, too.
  const least = leastWait(error);
  const delay = Math.max(own * (0.75 + random / 2), least * (1 + random / 4));
  return delay < leftMs ? delay : undefined;
}

function leastWait(error: HubSpotError): number {
  const asked = (error.retryAfter ?? 0) * 1000;
  if (error.status === 429) return rateLimitWait(error);
  return error.status === 423 ? Math.max(LOCKED_MS, asked) : asked;
}

/** Milliseconds for which calls of the portal rest after a 429. */
export function rateLimitWait({ policyName = '', retryAfter = 0 }: HubSpotError): number {
  if (policyName === 'DAILY' && retryAfter === 0) return DAY_CHECK_MS;
  return Math.min(Math.max(WINDOW_MS[policyName] ?? 2_000, retryAfter * 1000), DAY_CHECK_MS);
}

/**
 * Milliseconds after which the next try makes sense where a limit of HubSpot's stands in the way; undefined where none
 * does. A call that was not sent knows how long the budget keeps it back.
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
      // Without HubSpot's word when the account has moved there is nothing to wait for.
      return error.retryAfter === undefined ? undefined : grown;
    case undefined:
      return idempotent || !error.sent ? grown : undefined;
    default:
      return idempotent && PASSING.has(error.status) ? grown : undefined;
  }
}
