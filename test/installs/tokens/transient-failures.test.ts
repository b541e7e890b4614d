import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { createContext } from '../../../app/context.ts';
import { expectError } from '../../helpers/expect-error.ts';
import { type Failure, SECOND, useRefreshWorld } from './refresh-world.ts';

const HTML = '<html><body>Maintenance</body></html>';

describe('a refresh that fails for a passing reason', () => {
  const app = useRefreshWorld();
  const {
    advance,
    alarms,
    contact,
    expired,
    failNext,
    history,
    refreshRequests,
    row,
    stillValid,
    stored,
    tokenFor,
  } = app;

  const transient: (Failure & { name: string; reason: string })[] = [
    ...[423, 429, 477, 500, 502, 503, 504].map((status) => ({
      name: `${status}`,
      status,
      reason: `${status}`,
    })),
    {
      name: '429 with Retry-After',
      status: 429,
      headers: { 'retry-after': '90' },
      body: { status: 'error', message: 'slow down', category: 'RATE_LIMITS' },
      reason: '429 RATE_LIMITS',
    },
    { name: '503 with a page', status: 503, body: HTML, reason: '503' },
    { name: 'a closed connection', status: 0, reason: 'no answer (ECONNRESET)' },
    { name: '200 with a page', status: 200, body: HTML, reason: '200 with a body that is not JSON' },
    {
      name: '200 with half of the JSON',
      status: 200,
      body: '{"access_tok',
      reason: '200 with a body that is not JSON',
    },
    { name: '200 with nothing', status: 200, reason: 'an answer without usable body' },
    { name: '204', status: 204, reason: 'an answer without usable body' },
    { name: '200 with no token', status: 200, body: {}, reason: 'an answer without usable access_token' },
    { name: 'a redirect', status: 302, headers: { location: '/login' }, reason: '302' },
    { name: '400 with a page', status: 400, body: HTML, reason: '400' },
    { name: '403 with a page', status: 403, body: HTML, reason: '403' },
    { name: '404 with nothing', status: 404, reason: '404' },
  ];

  describe.each(transient)('with $name', ({ name: _, reason, ...failure }) => {
    const waitSeconds = failure.headers?.['retry-after'] ? 90 : 1.25;

    it('keeps the tokens and uses the valid one, without a retry before it is due', async () => {
      const portalId = await stillValid();
      const before = await stored(portalId);
      await failNext(failure);
      expect(await tokenFor(portalId)).toBe(before?.accessToken);
      const asked = await refreshRequests();
      expect(await Promise.all([1, 2, 3].map(() => tokenFor(portalId)))).toEqual(
        Array(3).fill(before?.accessToken),
      );
      expect(await refreshRequests()).toBe(asked);
      expect(await stored(portalId)).toMatchObject({
        accessToken: before?.accessToken,
        refreshToken: before?.refreshToken,
        state: 'backing_off',
        stateReason: reason,
        refreshFailures: 1,
      });
      await expectRecovery(portalId);
    });

    it('returns Retry-After when the token has expired, and fails without a call until then', async () => {
      const portalId = await expired();
      await failNext(failure);
      const answer = await contact(portalId);
      const retryAfter = Number(answer.get('retry-after'));
      expect(retryAfter).toBeGreaterThanOrEqual(1);
      expect(retryAfter).toBeLessThanOrEqual(Math.ceil(waitSeconds));
      await expectError(answer, 503, 'hubspot_unavailable');
      const asked = await refreshRequests();
      await expectError(await contact(portalId), 503, 'hubspot_unavailable');
      expect(await refreshRequests()).toBe(asked);
      await expectRecovery(portalId);
    });

    async function expectRecovery(portalId: number) {
      const { refreshDueAt } = await row(portalId);
      const wait = (refreshDueAt?.getTime() ?? 0) - app.world.ctx.clock.now();
      expect(wait).toBeLessThanOrEqual(waitSeconds * SECOND);
      advance(waitSeconds * SECOND);
      const token = await tokenFor(portalId);
      expect(token).toBe((await stored(portalId))?.accessToken);
      expect(await row(portalId)).toMatchObject({ state: 'active', refreshFailures: 0, tokenVersion: 2 });
      expect(await history(portalId)).toEqual([
        [null, 'active', 'installed'],
        ['active', 'refreshing', 'its token expires soon'],
        ['refreshing', 'backing_off', reason],
        ['backing_off', 'refreshing', 'its token expires soon'],
        ['refreshing', 'active', 'refreshed'],
      ]);
      expect(await alarms()).toEqual([]);
    }
  });

  it('is retried when HubSpot does not answer in time', async () => {
    const silent = createServer();
    await once(silent.listen(0), 'listening');
    const url = `http://localhost:${(silent.address() as AddressInfo).port}`;
    const { config, logger, clock } = app.world.ctx;
    const silentHubSpot = { ...config, hubspot: { ...config.hubspot, apiUrl: url } };
    const impatient = createContext(silentHubSpot, logger, {
      clock,
      callTimeoutMs: 200,
      refreshPatienceMs: 60 * SECOND,
    });

    const portalId = await stillValid();
    const token = await tokenFor(portalId, impatient).finally(() => {
      silent.close();
      silent.closeAllConnections();
    });
    await impatient.close();
    expect(token).toBe((await stored(portalId))?.accessToken);
    expect(await row(portalId)).toMatchObject({
      state: 'backing_off',
      stateReason: 'no answer (ETIMEDOUT)',
    });
    advance(2 * SECOND);
    await tokenFor(portalId);
    expect(await row(portalId)).toMatchObject({ state: 'active', tokenVersion: 2 });
  });

  it('backs off exponentially up to five minutes, and leaves one entry in the history', async () => {
    const portalId = await expired();
    await failNext({ status: 503 }, 12);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 12; attempt += 1) {
      await expect(tokenFor(portalId)).rejects.toMatchObject({ code: 'hubspot_unavailable' });
      const { refreshDueAt, refreshFailures } = await row(portalId);
      expect(refreshFailures).toBe(attempt + 1);
      const wait = (refreshDueAt?.getTime() ?? 0) - app.world.ctx.clock.now();
      waits.push(wait);
      advance(wait);
    }
    const nominal = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300].map((seconds) => seconds * SECOND);
    waits.forEach((wait, index) => {
      const expected = nominal[index] ?? 0;
      expect(wait).toBeGreaterThan(expected * 0.74 - 500);
      expect(wait).toBeLessThanOrEqual(expected * 1.25);
    });
    await tokenFor(portalId);
    const states = (await history(portalId)).map(([, state]) => state);
    const attempts = Array(12).fill(['refreshing', 'backing_off']).flat();
    expect(states).toEqual(['active', ...attempts, 'refreshing', 'active']);

    advance(4 * 24 * 3600 * SECOND);
    await app.world.ctx.installs.pruneHistory(() => false);
    expect((await history(portalId)).map(([, state]) => state)).toEqual(['active', 'backing_off', 'active']);
  });

  it('is retried at once when an operator asks', async () => {
    const portalId = await stillValid();
    await failNext({ status: 503, headers: { 'retry-after': '60' } });
    await tokenFor(portalId);
    expect((await row(portalId)).state).toBe('backing_off');
    await app.world.ctx.services.tokens.refreshNow(portalId);
    expect(await row(portalId)).toMatchObject({ state: 'active', tokenVersion: 2 });
    await failNext({ status: 503 });
    await expect(app.world.ctx.services.tokens.refreshNow(portalId)).rejects.toMatchObject({ status: 503 });
  });

  it.each([
    { status: 429, said: '1e12', hours: 1 },
    { status: 477, said: '82800', hours: 23 },
    { status: 477, said: '1e12', hours: 24 },
  ])('with $status waits $hours hours when Retry-After is $said', async ({ status, said, hours }) => {
    const portalId = await stillValid();
    await failNext({ status, headers: { 'retry-after': said } });
    const began = app.world.ctx.clock.now();
    await tokenFor(portalId);
    const due = (await row(portalId)).refreshDueAt?.getTime() ?? 0;
    expect(due).toBeGreaterThanOrEqual(began + hours * 3600 * SECOND);
    expect(due).toBeLessThanOrEqual(app.world.ctx.clock.now() + hours * 3600 * SECOND);
  });
});
