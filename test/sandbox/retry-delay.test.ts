import { describe, expect, it } from '@jest/globals';
import { retryDelay } from '../../sandbox/webhooks/retry-delay.ts';

describe('the retry policy', () => {
  const delays = (random: number) => Array.from({ length: 11 }, (_, attempt) => retryDelay(attempt, random));

  it('backs off over ten retries within 24 hours, then gives up', () => {
    const [longest, middle] = [delays(0.999), delays(0.5)];
    const retries = middle.slice(0, 10).map(Number);
    expect(retries).toEqual([...retries].sort((a, b) => a - b));
    expect(longest.slice(0, 10).reduce<number>((sum, ms) => sum + Number(ms), 0)).toBeLessThan(
      24 * 3600 * 1000,
    );
    expect(middle[10]).toBeUndefined();
  });

  it('retries the first time after one to two seconds', () => {
    expect(retryDelay(0, 0)).toBeGreaterThan(1000);
    expect(retryDelay(0, 1)).toBeLessThan(2000);
  });
});
