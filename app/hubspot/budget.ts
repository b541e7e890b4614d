/** `search`: HubSpot counts the CRM search endpoints apart from all others. */
export type CallLane = 'general' | 'search';

/** `interactive`: a person or HubSpot waits for the answer; goes before `background`. */
export type CallPriority = 'interactive' | 'background';

/** What a portal's calls may cost, shared by all processes. */
export interface CallBudget {
  /** Resolves when the call may start. @returns to be called when HubSpot has answered it, or will not. */
  take(portalId: number, lane: CallLane, priority: CallPriority): Promise<() => void>;
  /** HubSpot's headers tell the portal's limit (`X-HubSpot-RateLimit-Max`). */
  observe(portalId: number, lane: CallLane, limit: number): void;
  /** HubSpot answered 429: nobody calls before the wait is over. */
  hold(portalId: number, lane: CallLane, waitMs: number): Promise<void>;
}
