import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';

const WINDOW_MS = 60_000;

export interface ExchangeLimits {
  /** Of installs that came with a state of ours. */
  readonly withState: number;
  /** Of installs that HubSpot's marketplace began: anyone can make up such an address. */
  readonly withoutState: number;
}

/**
 * How many exchanges of a code may fail within a minute, those under way included. Each sends our client secret to
 * HubSpot, for any code that a stranger makes up. The two kinds of installs have room of their own, so that made-up
 * marketplace addresses, which cost nothing to make, do not keep out those who begin at our own link.
 */
export function createExchangeLimit(limits: ExchangeLimits, clock: Clock) {
  const failures = { withState: [] as number[], withoutState: [] as number[] };
  const underWay = { withState: 0, withoutState: 0 };

  return {
    /**
     * Runs an exchange.
     * @param isFailure whether an error counts: HubSpot's outages do not.
     * @throws {AppError} too_many_failed_installs, before anything is sent.
     */
    async run<T>(
      kind: keyof ExchangeLimits,
      exchange: () => Promise<T>,
      isFailure: (error: unknown) => boolean,
    ): Promise<T> {
      const since = clock.now() - WINDOW_MS;
      failures[kind] = failures[kind].filter((at) => at > since);
      if (failures[kind].length + underWay[kind] >= limits[kind]) throw tooMany();
      underWay[kind] += 1;
      try {
        return await exchange();
      } catch (error) {
        if (isFailure(error)) failures[kind].push(clock.now());
        throw error;
      } finally {
        underWay[kind] -= 1;
      }
    },
  };
}

const tooMany = () =>
  new AppError(
    429,
    'too_many_failed_installs',
    'Too many installs failed within a minute, so this one was not tried. Its code still works: reload this page in a minute.',
    { title: 'Please wait a minute', retryAfter: WINDOW_MS / 1000 },
  );
