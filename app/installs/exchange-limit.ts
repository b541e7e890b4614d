import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';

const WINDOW_MS = 60_000;
/** With this many times `most` failures, no code is exchanged at all. */
const IN_ALL = 10;

/** The flows. Each has a limit of its own: made-up marketplace callbacks do not block installs from our own link. */
export type ExchangeKind = 'own' | 'partner' | 'marketplace';

export type ExchangeLimit = ReturnType<typeof createExchangeLimit>;

/**
 * Limits how many exchanges of a code may fail within a minute, because each sends the client secret to HubSpot for a
 * code that a stranger may have made up. One address may fail `mostPerAddress` times; when all addresses together reach
 * `most`, those with a failure have to wait, and the others are still served.
 */
export function createExchangeLimit(limits: { most: number; mostPerAddress: number }, clock: Clock) {
  const { most, mostPerAddress } = limits;
  const kinds = new Map<ExchangeKind, { failed: Attempt[]; underWay: Attempt[] }>();

  return {
    /**
     * Runs an exchange.
     * @param address the client's address.
     * @param isFailure whether an error counts; HubSpot's outages do not.
     * @throws {AppError} too_many_failed_installs, before anything is sent.
     */
    async run<T>(
      kind: ExchangeKind,
      address: string,
      exchange: () => Promise<T>,
      isFailure: (error: unknown) => boolean,
    ): Promise<T> {
      const counted = kinds.get(kind) ?? { failed: [], underWay: [] };
      kinds.set(kind, counted);
      const since = clock.now() - WINDOW_MS;
      counted.failed = counted.failed.filter(({ at }) => at > since);
      if (countOf(counted.failed, address) >= mostPerAddress) throw tooMany('from one address');
      // Exchanges under way may fail as well.
      const attempts = [...counted.failed, ...counted.underWay];
      const isInvolved = countOf(attempts, address) > 0;
      if (attempts.length >= (isInvolved ? most : IN_ALL * most)) throw tooMany('in all');

      const attempt = { address, at: clock.now() };
      counted.underWay.push(attempt);
      try {
        return await exchange();
      } catch (error) {
        if (isFailure(error)) counted.failed.push({ address, at: clock.now() });
        throw error;
      } finally {
        counted.underWay.splice(counted.underWay.indexOf(attempt), 1);
      }
    },
  };
}

interface Attempt {
  readonly address: string;
  readonly at: number;
}

const countOf = (attempts: readonly Attempt[], address: string) =>
  attempts.filter((attempt) => attempt.address === address).length;

const tooMany = (where: string) =>
  new AppError(
    429,
    'too_many_failed_installs',
    'Many installs failed in the last minute or are under way, so this one was not tried. Its code still works: reload this page in a minute.',
    {
      title: 'Please wait a minute',
      retryAfter: WINDOW_MS / 1000,
      reason: `the limit of failed installs a minute ${where}; INSTALL_RATE_LIMIT sets that of one address`,
    },
  );
