import { AsyncLocalStorage } from 'node:async_hooks';

/** The request or webhook event that caused some work. All log lines of the work have these ids. */
export interface Cause {
  readonly requestId?: string;
  readonly eventId?: string;
  readonly portalId?: number;
}

const causes = new AsyncLocalStorage<Cause>();

export const withCause = <T>(cause: Cause, work: () => T): T => causes.run(cause, work);

export const currentCause = (): Cause => causes.getStore() ?? {};
