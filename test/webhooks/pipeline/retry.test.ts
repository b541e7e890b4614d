import { describe, expect, it } from '@jest/globals';
import { AppError, installNotFound, needsReconnect } from '../../../app/base/errors.ts';
import { HubSpotError } from '../../../app/hubspot/client/errors.ts';
import { PermanentError } from '../../../app/webhooks/index.ts';
import { retryPlan } from '../../../app/webhooks/pipeline/retry.ts';

const NOW = 1_795_219_200_000;
const failure = new Error('no');

/** Seconds to the next try; undefined when there is none. */
const wait = (error: unknown, attempt: number, random = 0.5, outages = 0) => {
  const { runAt } = retryPlan(error, { attempt, outages }, NOW, random);
  return runAt && (runAt.getTime() - NOW) / 1000;
};

const hubspotError = (status: number | undefined, method = 'GET') =>
  new HubSpotError({ method, path: '/crm/objects/2026-09/contacts/1', status });

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

  it('is not retried after a PermanentError', () => {
    expect(wait(new PermanentError('unknown order'), 1)).toBeUndefined();
  });

  it.each([400, 403, 404, 409])('has three attempts when HubSpot rejects a call with %i', (status) => {
    const errors = [hubspotError(status), new Error('wrapped', { cause: hubspotError(status) })];
    for (const error of errors) {
      expect([1, 2, 3].map((attempt) => wait(error, attempt))).toEqual([2, 4, undefined]);
    }
  });

  it.each<[string, unknown]>([
    ['HubSpot is down', hubspotError(503)],
    ['HubSpot does not answer', hubspotError(undefined)],
    ['HubSpot limits the rate', hubspotError(429)],
    ['the handler wraps an outage', new Error('no contact', { cause: hubspotError(502) })],
    [
      'the database is away',
      Object.assign(new Error('refused'), { code: 'ECONNREFUSED', syscall: 'connect' }),
    ],
    ['the portal has no install', installNotFound(1)],
    ['the portal needs a reconnect', needsReconnect(1)],
  ])('does not use up attempts while %s, for about three days', (_what, error) => {
    const plan = (outages: number) => retryPlan(error, { attempt: outages + 1, outages }, NOW, 0.5);
    expect([0, 3, 8, 9, 100, 498].map((outages) => plan(outages).isOutage)).toEqual(Array(6).fill(true));
    expect([8, 9, 100, 498].map((outages) => wait(error, outages + 1, 0.5, outages))).toEqual(
      Array(4).fill(512),
    );
    // Then they count.
    expect(plan(499).isOutage).toBe(false);
    expect(wait(error, 509, 0.5, 499)).toBeUndefined();
    // Other failures have all of their attempts afterwards.
    expect(wait(failure, 109, 0.5, 100)).toBe(512);
    expect(wait(failure, 110, 0.5, 100)).toBeUndefined();
  });

  it('uses up attempts when a service of the vendor is away', () => {
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED', syscall: 'connect' });
    const error = new TypeError('fetch failed', { cause });
    expect(retryPlan(error, { attempt: 1, outages: 0 }, NOW).isOutage).toBe(false);
  });

  it('uses up attempts when HubSpot may have processed a create', () => {
    expect(retryPlan(hubspotError(504, 'POST'), { attempt: 1, outages: 0 }, NOW).isOutage).toBe(false);
    expect(wait(hubspotError(504, 'POST'), 10)).toBeUndefined();
  });
});
