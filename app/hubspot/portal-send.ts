import type { ApiPaths } from './api-paths.ts';
import type { CallBudget, CallPriority } from './budget.ts';
import { HubSpotError } from './errors.ts';
import type { HubSpotRequest, Send } from './http.ts';
import { retryDelay } from './retry.ts';

/** Where a portal's access token comes from. */
export interface AccessTokens {
  current(): Promise<string>;
  /** A token other than `refused`, which HubSpot answered with 401. */
  renewed(refused: string): Promise<string>;
}

export interface PortalCalls {
  readonly portalId: number;
  readonly http: Send;
  readonly tokens: AccessTokens;
  readonly budget: CallBudget;
  readonly priority: CallPriority;
  readonly deadlinesMs?: Deadlines | undefined;
  readonly paths?: ApiPaths | undefined;
}

export type Deadlines = Readonly<Record<CallPriority, number>>;

/** From the first try to the start of the last. A person waits, or HubSpot does, which gives up after five seconds. */
const DEADLINES_MS: Deadlines = { interactive: 3_000, background: 120_000 };

const REPEATABLE = new Set(['GET', 'PUT', 'DELETE', 'HEAD']);

/**
 * Sends requests for one portal: within its call budget, with its token, again where that is safe. A 401 costs one
 * refresh and one retry.
 */
export function createPortalSend(calls: PortalCalls): Send {
  const { portalId, http, tokens, budget, priority, deadlinesMs = DEADLINES_MS } = calls;
  return async (request) => {
    const giveUpAt = performance.now() + deadlinesMs[priority];
    const idempotent = request.idempotent ?? REPEATABLE.has(request.method);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await withToken(request);
      } catch (error) {
        if (!(error instanceof HubSpotError) || request.once) throw error;
        const delay = retryDelay(error, idempotent, attempt, giveUpAt - performance.now());
        if (error.status === 429 && delay !== undefined) await budget.hold(portalId, laneOf(request), delay);
        if (delay === undefined) throw error;
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
    }
  };

  async function withToken(request: HubSpotRequest): Promise<unknown> {
    const accessToken = await tokens.current();
    try {
      return await within(request, accessToken);
    } catch (error) {
      // 401 means HubSpot did nothing with the request, so sending it again is safe for every method.
      if (!(error instanceof HubSpotError && error.status === 401)) throw error;
      return await within(request, await tokens.renewed(accessToken));
    }
  }

  /** Sends it when the budget allows. */
  async function within(request: HubSpotRequest, accessToken: string): Promise<unknown> {
    const answered = await budget.take(portalId, laneOf(request), priority);
    try {
      const onLimit = (limit: number) => budget.observe(portalId, laneOf(request), limit);
      return await http({ ...request, accessToken, onLimit });
    } finally {
      answered();
    }
  }
}

const laneOf = (request: HubSpotRequest) => request.lane ?? 'general';
