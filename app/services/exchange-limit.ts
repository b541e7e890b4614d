import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';

const WINDOW_MS = 60_000;

/** The ways in. Each has room of its own: made-up marketplace callbacks do not keep out who began at our own link. */
export type ExchangeKind = 'own' | 'partner' | 'marketplace';

/**
 * How many exchanges of a code may fail within a minute, those under way included. Each sends our client secret to
 * HubSpot, for any code that a stranger makes up. What one address may let fail is bounded before this.
 */
export function createExchangeLimit(most: number, clock: Clock) {
  const kinds = new Map<ExchangeKind, { failedAt: number[]; underWay: number }>();

  return {
    /**
     * Runs an exchange.
     * @param isFailure whether an error counts: HubSpot's outages do not.
     * @throws {AppError} too_many_failed_installs, before anything is sent.
     */
    async run<T>(
      kind: ExchangeKind,
      exchange: () => Promise<T>,
      isFailure: (error: unknown) => boolean,
    ): Promise<T> {
      const counted = kinds.get(kind) ?? { failedAt: [], underWay: 0 };
      kinds.set(kind, counted);
      const since = clock.now() - WINDOW_MS;
      counted.failedAt = counted.failedAt.filter((at) => at > since);
      if (counted.failedAt.length + counted.underWay >= most) throw tooMany();
      counted.underWay += 1;
      try {
        return await exchange();
      } catch (error) {
        if (isFailure(error)) counted.failedAt.push(clock.now());
        throw error;
      } finally {
        counted.underWay -= 1;
      }
    },
  };
}

const tooMany = () =>
  new AppError(
    429,
    'too_many_failed_installs',
    'Many installs failed in the last minute or are under way, so this one was not tried. Its code still works: reload this page in a minute.',
    { title: 'Please wait a minute', retryAfter: WINDOW_MS / 1000 },
  );
