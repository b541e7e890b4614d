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
}

/** From the first try to the last, waits for the budget included. Whoever waits in HubSpot gives up sooner. */
const DEADLINE_MS = { interactive: 20_000, background: 120_000 } as const;

const REPEATABLE = new Set(['GET', 'PUT', 'DELETE', 'HEAD']);

/**
 * Sends requests for one portal: within its call budget, with its token, again where that is safe. A 401 costs one
 * refresh and one retry.
 */
export function createPortalSend({ portalId, http, tokens, budget, priority }: PortalCalls): Send {
  return async (request) => {
    const giveUpAt = performance.now() + DEADLINE_MS[priority];
    const idempotent = request.idempotent ?? REPEATABLE.has(request.method);
    for (let attempt = 1; ; attempt += 1) {
      await budget.take(portalId, laneOf(request), priority);
      try {
        return await withToken(request);
      } catch (error) {
        if (!(error instanceof HubSpotError)) throw error;
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
      return await http({ ...request, accessToken });
    } catch (error) {
      // 401 means HubSpot did nothing with the request, so sending it again is safe for every method.
      if (!(error instanceof HubSpotError && error.status === 401)) throw error;
      return await http({ ...request, accessToken: await tokens.renewed(accessToken) });
    }
  }
}

const laneOf = (request: HubSpotRequest) => request.lane ?? 'general';
