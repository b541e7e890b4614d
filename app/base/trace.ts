import { AsyncLocalStorage } from 'node:async_hooks';

/** What a piece of work was done for: ids that every log line of it carries, down to the calls to HubSpot. */
export interface Cause {
  readonly requestId?: string;
  readonly eventId?: string;
  readonly portalId?: number;
}

const causes = new AsyncLocalStorage<Cause>();

export const withCause = <T>(cause: Cause, work: () => T): T => causes.run(cause, work);

export const currentCause = (): Cause => causes.getStore() ?? {};
