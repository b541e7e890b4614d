/** `search`: HubSpot counts the CRM search endpoints apart from all others. */
export type CallLane = 'general' | 'search';

/** `interactive`: a person or HubSpot waits for the answer; goes before `background`. */
export type CallPriority = 'interactive' | 'background';

/** What HubSpot's headers say of a portal's rate limit. */
export interface RateHeaders {
  /** Calls in `intervalMs`: `X-HubSpot-RateLimit-Max`. */
  readonly limit: number;
  /** Calls that are left of them, whoever of the app made the others: `X-HubSpot-RateLimit-Remaining`. */
  readonly remaining: number | undefined;
  /** `X-HubSpot-RateLimit-Interval-Milliseconds`. */
  readonly intervalMs: number | undefined;
}

/** What a portal's calls may cost, shared by all processes. */
export interface CallBudget {
  /**
   * Resolves when the call may start. @returns to be called when HubSpot has answered it, or will not.
   * @throws {CallBudgetSpent} when it cannot start within `withinMs`, as soon as that is known.
   */
  take(portalId: number, lane: CallLane, priority: CallPriority, withinMs: number): Promise<() => void>;
  observe(portalId: number, lane: CallLane, rate: RateHeaders): void;
  /** HubSpot answered 429: nobody calls before the wait is over. */
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
