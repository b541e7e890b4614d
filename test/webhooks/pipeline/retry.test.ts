import { describe, expect, it } from '@jest/globals';
import { AppError, installNotFound, needsReconnect } from '../../../app/base/errors.ts';
import { retryPlan } from '../../../app/webhooks/pipeline/retry.ts';

const NOW = 1_795_219_200_000;
const failure = new Error('no');

/** Seconds to the next try; undefined when there is none. */
const wait = (error: unknown, attempt: number, random = 0.5) => {
  const at = retryPlan(error, attempt, NOW, random);
  return at && (at.getTime() - NOW) / 1000;
};

describe('a failed event', () => {
  it('is attempted ten times with exponential backoff over some seventeen minutes', () => {
    const waits = Array.from({ length: 10 }, (_, index) => wait(failure, index + 1));
    expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, undefined]);
  });

  it('is retried with a jitter of a quarter', () => {
    expect([wait(failure, 3, 0), wait(failure, 3, 1)]).toEqual([6, 10]);
  });

  it('waits as long as HubSpot asks when that is longer', () => {
    expect(wait(Object.assign(new Error('429'), { retryAfter: 90 }), 1)).toBe(90);
    expect(wait(Object.assign(new Error('429'), { retryAfter: 1 }), 5)).toBe(32);
    expect(wait(Object.assign(new Error('429'), { retryAfter: 'soon' }), 1)).toBe(2);
    expect(wait(Object.assign(new Error('429'), { retryAfter: 1e13 }), 1)).toBe(86_400);
  });

  it('is retried for any thrown value', () => {
    for (const thrown of [undefined, null, 'no', 17, { retryAfter: 90 }, new AppError(503, 'busy', 'No.')])
      expect(wait(thrown, 1)).toBe(2);
  });

  it('is not retried when the portal has no install', () => {
    expect([wait(installNotFound(1), 1), wait(needsReconnect(1), 1)]).toEqual([undefined, undefined]);
  });
});
