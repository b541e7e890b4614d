/** HubSpot has a separate rate limit for the CRM search endpoints. */
export type CallLane = 'general' | 'search';

/** `interactive` calls, for whose answer a person or HubSpot waits, take precedence over `background` ones. */
export type CallPriority = 'interactive' | 'background';

/** A portal's rate limit, from HubSpot's headers. */
export interface RateHeaders {
  /** Calls in `intervalMs`: `X-HubSpot-RateLimit-Max`. */
  readonly limit: number;
  /** Calls left in the window, over all processes: `X-HubSpot-RateLimit-Remaining`. */
  readonly remaining: number | undefined;
  /** `X-HubSpot-RateLimit-Interval-Milliseconds`. */
  readonly intervalMs: number | undefined;
}

/** A portal's rate limit, shared by all processes. */
export interface CallBudget {
  /**
   * Resolves when the call may start. @returns a function to call when the call has ended.
   * @throws {CallBudgetSpent} as soon as it is known that the call cannot start within `withinMs`.
   */
  take(portalId: number, lane: CallLane, priority: CallPriority, withinMs: number): Promise<() => void>;
  observe(portalId: number, lane: CallLane, rate: RateHeaders): void;
  /** HubSpot answered 429: no call starts before the wait is over. */
  hold(portalId: number, lane: CallLane, waitMs: number): void;
}

/** A call could not start in its time. */
export class CallBudgetSpent extends Error {
  override readonly name = 'CallBudgetSpent';
  /** Milliseconds until one could, where that is known. */
  readonly waitMs: number | undefined;

  constructor(waitMs?: number) {
    super('The call budget is spent.');
    this.waitMs = waitMs;
  }
}
