/**
 * How long the stop of a process may take, each step before the next: Heroku kills 30 seconds after SIGTERM. Requests
 * and jobs under way have `workMs`; what they left is handed back, and connections are closed, before `processMs`.
 */
export const SHUTDOWN = { workMs: 18_000, processMs: 25_000 } as const;
