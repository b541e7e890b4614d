/**
 * Time limits for stopping a process, as Heroku kills it 30 seconds after SIGTERM. Running requests and jobs have
 * `workMs`; jobs return to the queue and connections close before `processMs`.
 */
export const SHUTDOWN = { workMs: 18_000, processMs: 25_000 } as const;
