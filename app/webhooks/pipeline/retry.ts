import { AppError } from '../../base/errors.ts';
import { isDatabaseAway } from '../../db/errors.ts';
import { HubSpotError } from '../../hubspot/client/errors.ts';
import { InvalidEvent } from '../event/handler-event.ts';
import { HandlerLoop } from '../own-writes/loops.ts';
import { PermanentError } from '../permanent-error.ts';

const MOST_ATTEMPTS = 10;
/** For a call that HubSpot rejected: the cause may be a change that HubSpot's other services do not know yet. */
const MOST_ATTEMPTS_OF_REJECTED = 3;
/** About three days. */
const MOST_OUTAGES = 500;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = FIRST_RETRY_MS * 2 ** 8;
/** HubSpot's longest limit is daily. */
const LONGEST_ASKED_MS = 24 * 60 * 60 * 1000;

interface Attempts {
  /** The failed attempt, counted from 1. */
  readonly attempt: number;
  /** Earlier attempts that do not count, because they failed during an outage. */
  readonly outages: number;
}

export interface RetryPlan {
  /** When to retry; undefined when the event becomes a dead letter. */
  readonly runAt: Date | undefined;
  /** Whether the attempt failed during an outage, and does not count. */
  readonly isOutage: boolean;
}

/**
 * Plans the retry of a failed event. Exponential backoff from two seconds to nine minutes with a quarter of jitter, or
 * later when HubSpot asks for it, by a day at most. Ten attempts in some seventeen minutes, three for a call that
 * HubSpot rejected. Attempts during an outage do not count, for about three days.
 */
export function retryPlan(
  error: unknown,
  { attempt, outages }: Attempts,
  now: number,
  random = Math.random(),
): RetryPlan {
  const isOutage = isOutageError(error) && outages + 1 < MOST_OUTAGES;
  const counted = attempt - outages;
  const most = isRejection(error) ? MOST_ATTEMPTS_OF_REJECTED : MOST_ATTEMPTS;
  if (isFinal(error) || (!isOutage && counted >= most)) return { runAt: undefined, isOutage };
  const grown = Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), LONGEST_RETRY_MS) * (0.75 + random / 2);
  const asked = Math.min(retryAfterOf(error) * 1000, LONGEST_ASKED_MS);
  return { runAt: new Date(now + Math.max(grown, asked)), isOutage };
}

const isFinal = (error: unknown) =>
  error instanceof PermanentError || error instanceof InvalidEvent || error instanceof HandlerLoop;

/** The install may come back: an account that removed the app, or whose tokens were revoked, can install it again. */
const UNAVAILABLE = new Set([
  'install_not_found',
  'install_needs_reconnect',
  'app_misconfigured',
  'hubspot_unavailable',
  'hubspot_daily_limit',
  'database_unavailable',
]);

/**
 * HubSpot, the database or the install is unavailable: the handler can succeed later without a change. Not when HubSpot
 * may have processed a call, because each retry may repeat it.
 */
const isOutageError = (error: unknown): boolean =>
  // As a cause, a refused connection may be one to a service of the vendor.
  isDatabaseAway(error) ||
  causesOf(error).some(
    (it) =>
      (it instanceof HubSpotError && it.transient && !it.maybeDone) ||
      (it instanceof AppError && UNAVAILABLE.has(it.code)),
  );

const REJECTED = new Set<number | undefined>([400, 403, 404, 409]);

const isRejection = (error: unknown): boolean =>
  causesOf(error).some((it) => it instanceof HubSpotError && REJECTED.has(it.status));

/** The error and its causes: handlers may wrap HubSpot's errors. */
function causesOf(error: unknown): unknown[] {
  const causes = [error];
  for (let it = error; it instanceof Error && it.cause !== undefined && causes.length < 5; it = it.cause) {
    causes.push(it.cause);
  }
  return causes;
}

function retryAfterOf(error: unknown): number {
  const seconds = error instanceof Error && 'retryAfter' in error ? Number(error.retryAfter) : 0;
  return Number.isFinite(seconds) ? seconds : 0;
}
