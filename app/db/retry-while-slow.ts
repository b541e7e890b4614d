import { wasTooSlow } from './errors.ts';

const RETRY_MS = 20_000;

/** Retries work for 20 seconds while the database is too slow, for what a process needs to know before it can start. */
export async function retryWhileSlow<T>(work: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + RETRY_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!wasTooSlow(error) || performance.now() > giveUpAt) throw error;
    }
  }
}
