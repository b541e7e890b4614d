import { wasTooSlow } from './errors.ts';

const PATIENCE_MS = 20_000;

/**
 * Does again what a slow database gave no answer to, for 20 seconds. Requests give up within a second or two, which
 * is too soon for what a process has to know before it can start.
 */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!wasTooSlow(error) || performance.now() > giveUpAt) throw error;
    }
  }
}
