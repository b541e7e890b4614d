import pTimeout from 'p-timeout';
import type { Logger } from '../../base/logger.ts';
import type { ApiPaths } from '../versions.ts';
import { type CallBudget, CallBudgetSpent, type CallPriority } from './budget.ts';
import type { Coalescer } from './coalesce.ts';
import { HubSpotError, isIdempotent } from './errors.ts';
import { logFailure } from './failure-log.ts';
import type { HubSpotRequest, Send } from './http.ts';
import { rateLimitWait, withRetries } from './retry.ts';

/** Where a portal's access token comes from. */
export interface AccessTokens {
  current(): Promise<string>;
  /** A token other than `rejected`, which HubSpot answered with 401. */
  renewed(rejected: string): Promise<string>;
  /** Whether it was stored by hand, so that reinstalling the app cannot replace it. */
  isGiven(): boolean;
}

/** Notified of the results of a portal's calls, for alarms. */
export interface PortalWatch {
  /** A call failed for good. */
  failed(portalId: number, error: HubSpotError): void;
  /** A call that began at `since` (`performance.now()`) succeeded. */
  answered(portalId: number, since: number): void;
  /** Whether the portal's daily limit holds its calls. */
  hasDailyLimit(portalId: number): Promise<boolean>;
}

export interface PortalCalls {
  readonly portalId: number;
  /** Where `http` sends to. */
  readonly apiUrl: string;
  readonly http: Send;
  readonly tokens: AccessTokens;
  readonly budget: CallBudget;
  readonly coalescer: Coalescer;
  readonly priority: CallPriority;
  readonly watch: PortalWatch;
  readonly logger: Logger;
  readonly deadlinesMs?: Deadlines | undefined;
  /** When all calls must have ended, by `performance.now()`; beside the deadline of each. */
  readonly endsAt?: number | undefined;
  /** Calls are not retried. */
  readonly once?: boolean | undefined;
  readonly paths?: ApiPaths | undefined;
}

export type Deadlines = Readonly<Record<CallPriority, number>>;

/**
 * Deadline of a call, including the waits for its token and the budget, and all retries. Ten seconds are enough for HubSpot's
 * slow answers, and short enough for people who wait.
 */
const DEADLINES_MS: Deadlines = { interactive: 10_000, background: 120_000 };

/** A request sent later than this before the deadline would time out while HubSpot processes it. */
const WORTH_SENDING_MS = 1_000;

/** A longer wait for the budget is not caused by the rate limit. */
const LONGEST_WINDOW_MS = 15_000;

interface Call {
  readonly request: HubSpotRequest;
  readonly priority: CallPriority;
  /** By `performance.now()`. */
  readonly endsAt: number;
  /** Whether its token was refreshed after a 401, which happens once. */
  renewed: boolean;
}

/**
 * Sends requests for one portal, with its token, within its call budget and the deadline; retries where that is safe.
 * A 401 causes one refresh and one retry.
 */
export function createPortalSend(calls: PortalCalls): Send {
  const { portalId, http, tokens, budget, coalescer, watch, logger, deadlinesMs = DEADLINES_MS } = calls;
  return async (request) => {
    const since = performance.now();
    const priority = request.patient ? 'background' : calls.priority;
    const endsAt = Math.min(since + deadlinesMs[priority], calls.endsAt ?? Infinity);
    const call: Call = { request, priority, endsAt, renewed: false };
    const once = calls.once || request.once;
    const answer = await coalescer.inOrder(portalId, request, () =>
      withRetries(() => withToken(call), {
        idempotent: isIdempotent(request),
        leftMs: () => (once || request.signal?.aborted ? 0 : timeToSend(call)),
        onFailure(error, attempt, delay) {
          hold(request, error);
          logFailure(logger, error, { portalId, attempt }, delay);
          if (delay === undefined) watch.failed(portalId, error);
        },
      }),
    );
    watch.answered(portalId, since);
    return answer;
  };

  async function withToken(call: Call): Promise<unknown> {
    const accessToken = await inTime(call, () => tokens.current());
    try {
      return await withinBudget(call, accessToken);
    } catch (error) {
      // 401 means HubSpot did not process the request, so a retry is safe for every method.
      if (!(error instanceof HubSpotError && error.status === 401) || call.renewed) throw error;
      call.renewed = true;
      return await withinBudget(call, await inTime(call, () => tokens.renewed(accessToken)));
    }
  }

  /** Waits for a token until the deadline. A longer refresh continues, because all calls use its token. */
  async function inTime(call: Call, token: () => Promise<string>): Promise<string> {
    rejectLate(call);
    return pTimeout(token(), {
      milliseconds: Math.max(1, timeToSend(call)),
      fallback: () => {
        throw notSent(call.request, 'no access token in time');
      },
    });
  }

  /** Sends it when the budget allows. */
  async function withinBudget(call: Call, accessToken: string): Promise<unknown> {
    rejectLate(call);
    const { request, priority, endsAt } = call;
    const lane = laneOf(request);
    return coalescer.send({
      portalId,
      request,
      priority,
      endsAt,
      take: () =>
        budget.take(portalId, lane, priority, timeToSend(call)).catch(async (error) => {
          if (!(error instanceof CallBudgetSpent)) throw error;
          throw await outOfBudget(request, error.waitMs);
        }),
      http: (sent) =>
        http({
          ...sent,
          accessToken,
          givenToken: tokens.isGiven(),
          timeoutMs: endsAt - performance.now(),
          onRate: (rate) => budget.observe(portalId, lane, rate),
        }),
    });
  }

  async function outOfBudget(request: HubSpotRequest, waitMs = 0): Promise<HubSpotError> {
    if (waitMs <= LONGEST_WINDOW_MS || !(await watch.hasDailyLimit(portalId))) {
      return notSent(request, 'the call budget is spent', waitMs || undefined);
    }
    return notSent(request, 'an earlier call met the daily limit', waitMs, 'DAILY');
  }

  /** A rate limit holds all calls of the portal; the daily limit holds both lanes. */
  function hold(request: HubSpotRequest, error: HubSpotError) {
    if (error.status !== 429) return;
    const lanes = error.dailyLimit ? (['general', 'search'] as const) : [laneOf(request)];
    for (const lane of lanes) budget.hold(portalId, lane, rateLimitWait(error));
  }
}

const timeToSend = ({ endsAt }: Call) => endsAt - WORTH_SENDING_MS - performance.now();

function rejectLate(call: Call): void {
  if (timeToSend(call) <= 0) throw notSent(call.request, 'its time is over');
}

const laneOf = (request: HubSpotRequest) => request.lane ?? 'general';

function notSent(
  { method, path }: HubSpotRequest,
  why: string,
  waitMs?: number,
  policyName?: string,
): HubSpotError {
  const retryAfter = waitMs === undefined ? undefined : Math.ceil(waitMs / 1000);
  return new HubSpotError({
    method,
    path,
    problem: `not sent: ${why}`,
    sent: false,
    retryAfter,
    policyName,
  });
}
