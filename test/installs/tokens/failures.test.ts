import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { type Context, createContext } from '../../../app/context.ts';
import { expectError } from '../../helpers/expect-error.ts';
import { until } from '../../helpers/until.ts';
import { startWorld, type World } from '../../helpers/world.ts';
import { addInstalls } from './add-installs.ts';

const SECOND = 1000;
const HTML = '<html><body>Maintenance</body></html>';

interface Failure {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

const refused = (error: string | undefined, status?: string): Failure => ({
  status: 400,
  body: {
    ...(error && { error, error_description: 'no' }),
    ...(status && { status, message: 'no' }),
  },
});

describe('a refresh that HubSpot does not carry out', () => {
  let world: World;
  let ahead = 0;
  /** The clock stands still during a test: waits of a second must not be over because the machine is slow. */
  let began = Date.now();
  let nextPortal = 3_000_000;

  beforeAll(async () => {
    world = await startWorld({ clock: { now: () => began + ahead } });
  });
  beforeEach(async () => {
    began = Date.now();
    // Further than any wait of the test before.
    ahead += 2 * 3600 * SECOND;
    await world.ctx.pool.query('delete from alarms');
    await world.ctx.pool.query('update installs set refresh_refused_since = null');
  });
  afterAll(() => world.close());

  /** An install whose token is about to expire, or has expired. */
  async function installed({ secondsLeft }: { secondsLeft: number }): Promise<number> {
    nextPortal += 1;
    await addInstalls(world, { from: nextPortal, secondsLeft });
    return nextPortal;
  }

  const stillValid = () => installed({ secondsLeft: 200 });
  const expired = () => installed({ secondsLeft: -1 });

  const failNext = (failure: Failure, times = 1) =>
    world.sandbox.control('failures', { method: 'POST', path: '/oauth/*/token', ...failure, times });

  const tokenFor = (portalId: number, ctx: Context = world.ctx) =>
    ctx.services.tokens.accessTokenFor(portalId);
  const stored = (portalId: number) => world.ctx.installs.tokenStore.find(world.ctx.pool, portalId);
  const refreshesAsked = async () =>
    (await world.sandbox.read('requests?path=/oauth/*/token')).results.length;

  async function row(portalId: number) {
    const found = await world.ctx.installs.store.find(world.ctx.pool, portalId);
    if (!found) throw new Error(`no row of portal ${portalId}`);
    return found;
  }

  /** From state, to state and reason of each row. */
  async function history(portalId: number) {
    const rows = await world.ctx.services.installs.history(portalId);
    return rows.map(({ fromState, toState, reason }) => [fromState, toState, reason]);
  }

  const alarms = () => world.ctx.services.alarms.list();
  const contact = (portalId: number) => world.api('GET', `/hubid/${portalId}/contact/no.one@example.com`);

  async function uninstalledEvents(portalId: number): Promise<number> {
    const { rows } = await world.ctx.pool.query(
      `select count(*) from webhook_events where portal_id = $1 and event->>'subscriptionType' = 'app.uninstalled'`,
      [portalId],
    );
    return rows[0].count;
  }

  describe.each([
    { name: 'BAD_REFRESH_TOKEN', ...refused('invalid_grant', 'BAD_REFRESH_TOKEN') },
    { name: 'BAD_REFRESH_TOKEN in the older form', ...refused(undefined, 'BAD_REFRESH_TOKEN') },
    { name: 'invalid_grant', ...refused('invalid_grant') },
    { name: 'BAD_HUB', ...refused('access_denied', 'BAD_HUB') },
    { name: 'BAD_HUB alone', ...refused(undefined, 'BAD_HUB') },
    { name: 'access_denied', ...refused('access_denied') },
  ])('because the install is over ($name)', ({ name: _, ...failure }) => {
    it.each([
      { what: 'an expired token', make: expired },
      { what: 'a token that has not expired', make: stillValid },
    ])('forgets the tokens, tells the handlers, and fails at once from then on: $what', async ({ make }) => {
      const portalId = await make();
      await failNext(failure);
      await expectError(await contact(portalId), 409, 'install_needs_reconnect');

      const reason = expect.stringMatching(
        /^HubSpot: (BAD_REFRESH_TOKEN|BAD_HUB|invalid_grant|access_denied)$/,
      );
      expect(await row(portalId)).toMatchObject({ state: 'needs_reconnect', accessTokenExpiresAt: null });
      expect(await stored(portalId)).toBeUndefined();
      expect(await history(portalId)).toEqual([
        [null, 'active', 'installed'],
        ['active', 'refreshing', 'its token expires soon'],
        ['refreshing', 'needs_reconnect', reason],
      ]);
      expect(await uninstalledEvents(portalId)).toBe(1);
      expect(await alarms()).toEqual([]);

      const asked = (await world.sandbox.read('requests')).results.length;
      await expectError(await contact(portalId), 409, 'install_needs_reconnect');
      await expect(tokenFor(portalId)).rejects.toMatchObject({ code: 'install_needs_reconnect' });
      await expect(world.ctx.services.tokens.refreshNow(portalId)).rejects.toMatchObject({ status: 409 });
      expect((await world.sandbox.read('requests')).results).toHaveLength(asked);
      expect(await world.json('GET', `/hubid/${portalId}`)).toMatchObject({
        state: 'needs_reconnect',
        stateReason: reason,
        reconnectUrl: `${world.serverUrl}/install?portalId=${portalId}`,
      });
    });

    it('works again after a reinstall', async () => {
      const portalId = await expired();
      await failNext(failure);
      await expect(tokenFor(portalId)).rejects.toMatchObject({ code: 'install_needs_reconnect' });
      expect((await world.install(portalId)).status).toBe(200);
      await expectError(await contact(portalId), 404, 'not_found');
      expect((await history(portalId)).at(-1)).toEqual(['needs_reconnect', 'active', 'installed again']);
    });
  });

  it('because the portal uninstalled the app is noticed by the first data call', async () => {
    const portalId = await installed({ secondsLeft: 1800 });
    await world.sandbox.control('uninstall', { portalId });
    await expectError(await contact(portalId), 409, 'install_needs_reconnect');
    expect((await history(portalId)).slice(-2)).toEqual([
      ['active', 'refreshing', 'HubSpot refused its token with 401'],
      ['refreshing', 'needs_reconnect', 'HubSpot: BAD_REFRESH_TOKEN'],
    ]);
  });

  it('because of a refresh token that a reinstall has replaced meanwhile leaves the new install alone', async () => {
    const portalId = await expired();
    await world.sandbox.control('failures', {
      ...{ method: 'POST', path: '/oauth/*/token', delayMs: 3_000, times: 1 },
      ...refused('invalid_grant', 'BAD_REFRESH_TOKEN'),
    });
    const asked = await refreshesAsked();
    const call = tokenFor(portalId);
    await until('the refresh to be under way', async () => (await refreshesAsked()) > asked);
    await addInstalls(world, { from: portalId });
    expect(await call).toBe((await stored(portalId))?.accessToken);
    expect((await row(portalId)).state).toBe('active');
    expect((await history(portalId)).slice(-2)).toEqual([
      ['active', 'refreshing', 'its token expires soon'],
      ['refreshing', 'active', 'consented again'],
    ]);
    expect(await uninstalledEvents(portalId)).toBe(0);
  });

  describe.each([
    { name: 'BAD_CLIENT_ID', ...refused('invalid_client', 'BAD_CLIENT_ID') },
    { name: 'BAD_CLIENT_SECRET', ...refused('invalid_client', 'BAD_CLIENT_SECRET') },
    {
      name: 'BAD_CLIENT_SECRET said to be an invalid_grant',
      ...refused('invalid_grant', 'BAD_CLIENT_SECRET'),
    },
    { name: 'BAD_REDIRECT_URI', ...refused('invalid_grant', 'BAD_REDIRECT_URI') },
    { name: 'BAD_GRANT_TYPE', ...refused('unsupported_grant_type', 'BAD_GRANT_TYPE') },
    { name: 'invalid_client', ...refused('invalid_client') },
    { name: 'invalid_client with 401', ...refused('invalid_client'), status: 401 },
  ])('because the app is not set up correctly ($name)', ({ name: _, ...failure }) => {
    it('raises an alarm, touches no token, and uses the token while it lives', async () => {
      const portalId = await stillValid();
      const before = await stored(portalId);
      await failNext(failure);
      expect(await tokenFor(portalId)).toBe(before?.accessToken);
      expect(await stored(portalId)).toEqual(before);
      expect(await history(portalId)).toEqual([
        [null, 'active', 'installed'],
        ['active', 'refreshing', 'its token expires soon'],
        ['refreshing', 'active', expect.stringMatching(/^HubSpot refuses this app: 40[01]/)],
      ]);
      expect(await alarms()).toMatchObject([{ name: 'app_misconfigured', occurrences: 1 }]);
      await expectRecovery(portalId);
    });

    it('says so when the token has expired, and goes on when it is mended', async () => {
      const portalId = await expired();
      const before = await stored(portalId);
      await failNext(failure);
      await expectError(await contact(portalId), 502, 'app_misconfigured');
      expect(await stored(portalId)).toEqual(before);
      expect(await alarms()).toHaveLength(1);
      await expectRecovery(portalId);
    });

    async function expectRecovery(portalId: number) {
      const asked = await refreshesAsked();
      await tokenFor(portalId).catch(() => {});
      // Every install would hear the same, so nobody asks again for some seconds.
      expect(await refreshesAsked()).toBe(asked);
      ahead += 6 * SECOND;
      const token = await tokenFor(portalId);
      expect(token).toBe((await stored(portalId))?.accessToken);
      expect(await refreshesAsked()).toBe(asked + 1);
      expect((await row(portalId)).tokenVersion).toBe(2);
      expect(await alarms()).toEqual([]);
    }
  });

  describe.each([{ name: 'unauthorized_client', ...refused('unauthorized_client') }])(
    'because the app may not be set up correctly ($name)',
    ({ name: _, ...failure }) => {
      it('touches no token, uses the one that lives, and raises an alarm for the portal that hears it alone', async () => {
        const portalId = await stillValid();
        const before = await stored(portalId);
        await failNext(failure);
        expect(await tokenFor(portalId)).toBe(before?.accessToken);
        expect(await stored(portalId)).toMatchObject({
          ...{ accessToken: before?.accessToken, refreshToken: before?.refreshToken },
          ...{ state: 'backing_off', refreshFailures: 1 },
        });
        expect(await history(portalId)).toEqual([
          [null, 'active', 'installed'],
          ['active', 'refreshing', 'its token expires soon'],
          ['refreshing', 'backing_off', expect.stringMatching(/^HubSpot refuses this app: 40[01]/)],
        ]);
        expect(await alarms()).toMatchObject([
          {
            ...{ name: `refresh_refused:${portalId}`, occurrences: 1 },
            message: expect.stringContaining('HUBSPOT_CLIENT_SECRET'),
          },
        ]);
        // The others are asked for as ever.
        await expectError(await contact(await expired()), 404, 'not_found');
        ahead += 2 * SECOND;
        await expectRecovery(portalId);
      });

      it('raises the alarm of all once a second portal hears it, and goes on when it is mended', async () => {
        const [first, second] = [await expired(), await expired()];
        const before = await stored(second);
        await failNext(failure, 2);
        await expectError(await contact(first), 503, 'hubspot_unavailable');
        await expectError(await contact(second), 502, 'app_misconfigured');
        const { accessToken, refreshToken } = before ?? {};
        expect(await stored(second)).toMatchObject({ accessToken, refreshToken });
        expect((await alarms()).map(({ name }) => name)).toEqual([
          `refresh_refused:${first}`,
          'app_misconfigured',
        ]);
        // Every install would hear the same, so nobody asks again for some seconds.
        const asked = await refreshesAsked();
        await expectError(await contact(await expired()), 502, 'app_misconfigured');
        expect(await refreshesAsked()).toBe(asked);
        ahead += 6 * SECOND;
        await tokenFor(first);
        await expectRecovery(second);
      });

      async function expectRecovery(portalId: number) {
        const token = await tokenFor(portalId);
        expect(token).toBe((await stored(portalId))?.accessToken);
        expect(await row(portalId)).toMatchObject({ state: 'active', refreshFailures: 0, tokenVersion: 2 });
        expect(await alarms()).toEqual([]);
      }
    },
  );

  it('because the app is not set up correctly is over for all processes when one has refreshed', async () => {
    await failNext(refused('invalid_client'));
    await expect(tokenFor(await expired())).rejects.toMatchObject({ code: 'app_misconfigured' });
    const other = createContext(world.ctx.config, world.ctx.logger, { clock: world.ctx.clock });
    const sweep = () => other.installs.sweep({ stopping: () => false, longestMs: 240_000 });
    await world.ctx.pool.query('update installs set refresh_due_at = $1 where refresh_due_at is not null', [
      new Date(world.ctx.clock.now() + 3600 * SECOND),
    ]);
    await sweep();
    expect(await alarms()).toHaveLength(1);
    await tokenFor(await expired(), other);
    await sweep();
    expect(await alarms()).toEqual([]);
    await other.close();
  });

  describe.each([
    { name: 'BAD_SCOPES', said: '400 BAD_SCOPES', ...refused('invalid_scope', 'BAD_SCOPES') },
    { name: 'invalid_request', said: '400', ...refused('invalid_request') },
    {
      name: 'a word that nobody has heard before',
      ...{ said: '400 MADE_UP', ...refused('made_up', 'MADE_UP') },
    },
    {
      name: '403 BANNED',
      ...{ said: '403 BANNED', status: 403, body: { status: 'error', message: 'no', category: 'BANNED' } },
    },
  ])('for a reason that may be this account’s own ($name)', ({ name: _, said, ...failure }) => {
    it('touches no token, tries again later, and raises an alarm that names the portal', async () => {
      const portalId = await stillValid();
      const before = await stored(portalId);
      await failNext(failure, 2);
      expect(await tokenFor(portalId)).toBe(before?.accessToken);
      expect(await stored(portalId)).toMatchObject({
        ...{ accessToken: before?.accessToken, refreshToken: before?.refreshToken },
        ...{ state: 'backing_off', stateReason: said, refreshFailures: 1 },
      });
      ahead += 2 * SECOND;
      await tokenFor(portalId);
      expect(await alarms()).toMatchObject([{ name: `refresh_refused:${portalId}`, occurrences: 2 }]);
      const [alarm] = await alarms();
      expect(alarm?.message).toContain(`portal ${portalId} (${said})`);
      ahead += 3 * SECOND;
      await tokenFor(portalId);
      expect(await row(portalId)).toMatchObject({ state: 'active', tokenVersion: 2 });
      expect(await alarms()).toEqual([]);
    });

    it('leaves the other accounts alone', async () => {
      const [odd, healthy] = [await expired(), await expired()];
      await failNext(failure);
      const message = await expectError(await contact(odd), 503, 'hubspot_unavailable');
      expect(message).toContain(`HubSpot refuses to refresh its token (${said})`);
      await expectError(await contact(healthy), 404, 'not_found');
      await expectError(await contact(odd), 503, 'hubspot_unavailable');
    });

    it('leaves an alarm that cannot be cleared to the sweep; the call has its token', async () => {
      const portalId = await expired();
      await failNext(failure);
      await expect(tokenFor(portalId)).rejects.toMatchObject({ status: 503 });
      ahead += 2 * SECOND;
      await world.ctx.pool.query(`create function keep() returns trigger language plpgsql as $$ begin
          raise 'not now'; end; $$;
        create trigger keep before delete on alarms for each row execute function keep()`);
      try {
        expect(await tokenFor(portalId)).toBe((await stored(portalId))?.accessToken);
      } finally {
        await world.ctx.pool.query('drop function keep cascade');
      }
      const still = await expired();
      await failNext(failure);
      await expect(tokenFor(still)).rejects.toMatchObject({ status: 503 });
      await world.ctx.pool.query('update installs set refresh_due_at = $1 where refresh_due_at is not null', [
        new Date(world.ctx.clock.now() + 3600 * SECOND),
      ]);
      await world.ctx.installs.sweep({ stopping: () => false, longestMs: 240_000 });
      expect((await alarms()).map(({ name }) => name)).toEqual([`refresh_refused:${still}`]);
    });

    it('raises no alarm any more once the install has ended', async () => {
      const portalId = await expired();
      await failNext(failure);
      await expect(tokenFor(portalId)).rejects.toMatchObject({ status: 503 });
      expect(await alarms()).toHaveLength(1);
      ahead += 2 * SECOND;
      await world.sandbox.control('uninstall', { portalId });
      await expect(tokenFor(portalId)).rejects.toMatchObject({ code: 'install_needs_reconnect' });
      expect(await alarms()).toEqual([]);
    });
  });

  const transient: (Failure & { name: string; reason: string })[] = [
    ...[423, 429, 477, 500, 502, 503, 504].map((status) => ({
      name: `${status}`,
      status,
      reason: `${status}`,
    })),
    {
      name: '429 with Retry-After',
      ...{ status: 429, headers: { 'retry-after': '90' } },
      ...{
        body: { status: 'error', message: 'slow down', category: 'RATE_LIMITS' },
        reason: '429 RATE_LIMITS',
      },
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

  describe.each(transient)('because of trouble that passes ($name)', ({ name: _, reason, ...failure }) => {
    const waitSeconds = failure.headers?.['retry-after'] ? 90 : 1.25;

    it('keeps the tokens and uses the one that lives, without asking again before its time', async () => {
      const portalId = await stillValid();
      const before = await stored(portalId);
      await failNext(failure);
      expect(await tokenFor(portalId)).toBe(before?.accessToken);
      const asked = await refreshesAsked();
      expect(await Promise.all([1, 2, 3].map(() => tokenFor(portalId)))).toEqual(
        Array(3).fill(before?.accessToken),
      );
      expect(await refreshesAsked()).toBe(asked);
      expect(await stored(portalId)).toMatchObject({
        ...{ accessToken: before?.accessToken, refreshToken: before?.refreshToken },
        ...{ state: 'backing_off', stateReason: reason, refreshFailures: 1 },
      });
      await expectRecovery(portalId);
    });

    it('says when to try again when the token has expired, and fails at once until then', async () => {
      const portalId = await expired();
      await failNext(failure);
      const answer = await contact(portalId);
      const retryAfter = Number(answer.headers.get('retry-after'));
      expect(retryAfter).toBeGreaterThanOrEqual(1);
      expect(retryAfter).toBeLessThanOrEqual(Math.ceil(waitSeconds));
      await expectError(answer, 503, 'hubspot_unavailable');
      const asked = await refreshesAsked();
      await expectError(await contact(portalId), 503, 'hubspot_unavailable');
      expect(await refreshesAsked()).toBe(asked);
      await expectRecovery(portalId);
    });

    async function expectRecovery(portalId: number) {
      const { refreshDueAt } = await row(portalId);
      const wait = (refreshDueAt?.getTime() ?? 0) - world.ctx.clock.now();
      expect(wait).toBeLessThanOrEqual(waitSeconds * SECOND);
      ahead += waitSeconds * SECOND;
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

  it('because HubSpot takes too long is tried again', async () => {
    const silent = createServer();
    await once(silent.listen(0), 'listening');
    const url = `http://localhost:${(silent.address() as AddressInfo).port}`;
    const { config, logger, clock } = world.ctx;
    const silentHubSpot = { ...config, hubspot: { ...config.hubspot, apiUrl: url } };
    const impatient = createContext(silentHubSpot, logger, { clock, callTimeoutMs: 200 });

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
    ahead += 2 * SECOND;
    await tokenFor(portalId);
    expect(await row(portalId)).toMatchObject({ state: 'active', tokenVersion: 2 });
  });

  it('time after time waits longer and longer, five minutes at the most, and one row stays to tell of it', async () => {
    const portalId = await expired();
    await failNext({ status: 503 }, 12);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 12; attempt += 1) {
      await expect(tokenFor(portalId)).rejects.toMatchObject({ code: 'hubspot_unavailable' });
      const { refreshDueAt, refreshFailures } = await row(portalId);
      expect(refreshFailures).toBe(attempt + 1);
      const wait = (refreshDueAt?.getTime() ?? 0) - world.ctx.clock.now();
      waits.push(wait);
      ahead += wait;
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

    ahead += 4 * 24 * 3600 * SECOND;
    await world.ctx.installs.pruneHistory(() => false);
    expect((await history(portalId)).map(([, state]) => state)).toEqual(['active', 'backing_off', 'active']);
  });

  it('for long does not keep a call whose token still works', async () => {
    const portalId = await stillValid();
    await world.sandbox.control('failures', {
      ...{ method: 'POST', path: '/oauth/*/token', delayMs: 6 * SECOND, times: 1 },
    });
    const before = await stored(portalId);
    expect(await tokenFor(portalId)).toBe(before?.accessToken);
    // Others join the wait and leave it alike.
    expect(await Promise.all([tokenFor(portalId), contact(portalId)])).toEqual([
      before?.accessToken,
      expect.objectContaining({ status: 404 }),
    ]);
    expect(await world.json('GET', `/hubid/${portalId}`)).toMatchObject({ state: 'refreshing' });
    await until('the refresh to end', async () => (await row(portalId)).tokenVersion === 2);
    expect((await history(portalId)).map(([, state]) => state)).toEqual(['active', 'refreshing', 'active']);
  });

  it('before the server ends is waited for, and what HubSpot gave is stored', async () => {
    const portalId = await stillValid();
    const ending = createContext(world.ctx.config, world.ctx.logger, { clock: world.ctx.clock });
    await world.sandbox.setApp({ rotateRefreshTokens: true });
    await world.sandbox.control('failures', {
      ...{ method: 'POST', path: '/oauth/*/token', delayMs: 4 * SECOND, times: 1 },
    });
    const before = await stored(portalId);
    expect(await tokenFor(portalId, ending)).toBe(before?.accessToken);
    await ending.close();
    await world.sandbox.setApp({ rotateRefreshTokens: false });
    const after = await stored(portalId);
    expect(after?.tokenVersion).toBe(2);
    expect(after?.refreshToken).not.toBe(before?.refreshToken);
    expect((await history(portalId)).map(([, state]) => state)).toEqual(['active', 'refreshing', 'active']);
  });

  it('whose result the database cannot take at first is stored while the lock is held', async () => {
    const portalId = await expired();
    await world.sandbox.setApp({ rotateRefreshTokens: true });
    const { pool } = world.ctx;
    // A sequence counts the failures, as it does not roll back with them.
    await pool.query(`create sequence failed_writes;
      create function fail_twice() returns trigger language plpgsql as $$ begin
        if nextval('failed_writes') <= 2 then raise 'no more space'; end if; return new; end; $$;
      create trigger fail_twice before update on installs for each row execute function fail_twice()`);
    const before = await stored(portalId);
    const asked = await refreshesAsked();
    try {
      const token = await tokenFor(portalId);
      const after = await stored(portalId);
      expect([after?.accessToken, after?.tokenVersion]).toEqual([token, 2]);
      expect(after?.refreshToken).not.toBe(before?.refreshToken);
    } finally {
      await pool.query('drop function fail_twice cascade; drop sequence failed_writes');
      await world.sandbox.setApp({ rotateRefreshTokens: false });
    }
    expect(await refreshesAsked()).toBe(asked + 1);
  });

  it('that the database cannot note leaves the token in use to the callers', async () => {
    const portalId = await stillValid();
    const before = await stored(portalId);
    await world.ctx.pool.query(
      'alter table install_history add constraint full_disk check (false) not valid',
    );
    try {
      expect(await tokenFor(portalId)).toBe(before?.accessToken);
    } finally {
      await world.ctx.pool.query('alter table install_history drop constraint full_disk');
    }
    expect(await tokenFor(portalId)).not.toBe(before?.accessToken);
  });

  it('is asked for again at once when an operator asks', async () => {
    const portalId = await stillValid();
    await failNext({ status: 503, headers: { 'retry-after': '60' } });
    await tokenFor(portalId);
    expect((await row(portalId)).state).toBe('backing_off');
    await world.ctx.services.tokens.refreshNow(portalId);
    expect(await row(portalId)).toMatchObject({ state: 'active', tokenVersion: 2 });
    await failNext({ status: 503 });
    await expect(world.ctx.services.tokens.refreshNow(portalId)).rejects.toMatchObject({ status: 503 });
  });

  it.each([
    { status: 429, said: '1e12', hours: 1 },
    { status: 477, said: '82800', hours: 23 },
    { status: 477, said: '1e12', hours: 24 },
  ])('with $status waits $hours hours at a Retry-After of $said', async ({ status, said, hours }) => {
    const portalId = await stillValid();
    await failNext({ status, headers: { 'retry-after': said } });
    const began = world.ctx.clock.now();
    await tokenFor(portalId);
    const due = (await row(portalId)).refreshDueAt?.getTime() ?? 0;
    expect(due).toBeGreaterThanOrEqual(began + hours * 3600 * SECOND);
    expect(due).toBeLessThanOrEqual(world.ctx.clock.now() + hours * 3600 * SECOND);
  });
});

describe('an odd answer to a refresh', () => {
  let world: World;
  let ctx: Context;
  let portalId = 3_500_000;
  const warnings: { portalId: number; msg: string }[] = [];

  beforeAll(async () => {
    world = await startWorld();
    const logger = pino({ level: 'warn' }, { write: (line) => warnings.push(JSON.parse(line)) });
    ctx = createContext(world.ctx.config, logger);
  });
  beforeEach(async () => {
    warnings.length = 0;
    portalId += 1;
    await addInstalls(world, { from: portalId, secondsLeft: -1 });
  });
  afterAll(async () => {
    await ctx.close();
    await world.close();
  });

  async function refreshTo(answer: Record<string, unknown>) {
    await world.sandbox.control('failures', {
      ...{ method: 'POST', path: '/oauth/*/token', status: 200 },
      body: { token_type: 'bearer', access_token: 'odd', ...answer },
    });
    const before = await ctx.installs.tokenStore.find(ctx.pool, portalId);
    const token = await ctx.services.tokens.accessTokenFor(portalId);
    const after = await ctx.installs.tokenStore.find(ctx.pool, portalId);
    if (!before || !after) throw new Error('the install is gone');
    expect(token).toBe('odd');
    return { before, after, seconds: (after.accessTokenExpiresAt.getTime() - Date.now()) / 1000 };
  }

  it.each([
    { refresh_token: undefined },
    { refresh_token: null },
    { refresh_token: '' },
    { refresh_token: 17 },
  ])('without a refresh token ($refresh_token) keeps the one in use, which goes on working', async (odd) => {
    const { before, after } = await refreshTo({ ...odd, expires_in: 1800 });
    expect(after.refreshToken).toBe(before.refreshToken);
    expect(after.accessToken).not.toBe(before.accessToken);
    await ctx.services.tokens.refreshNow(portalId);
    expect((await ctx.installs.store.find(ctx.pool, portalId))?.tokenVersion).toBe(3);
  });

  it('with another refresh token keeps that one', async () => {
    const { after } = await refreshTo({ refresh_token: 'another', expires_in: 1800 });
    expect(after.refreshToken).toBe('another');
  });

  it.each([undefined, null, 0, -1800, 0.2, true, 'soon', '', 'Infinity', [], {}, 24 * 3600 + 1, 1e300])(
    'with an expires_in of %p counts as thirty minutes, and that is said',
    async (expires_in) => {
      const { seconds } = await refreshTo({ expires_in });
      expect(seconds).toBeGreaterThan(1790);
      expect(seconds).toBeLessThanOrEqual(1800);
      expect(warnings).toMatchObject([{ portalId, msg: expect.stringContaining('expires_in') }]);
    },
  );

  it.each([
    { expires_in: 1800 },
    { expires_in: '1800' },
    { expires_in: 21600 },
    { expires_in: 600 },
    { expires_in: 60 },
  ])('with a usable expires_in of $expires_in is taken at its word', async ({ expires_in }) => {
    const { seconds } = await refreshTo({ expires_in });
    expect(Math.abs(seconds - Number(expires_in))).toBeLessThan(10);
    expect(warnings).toEqual([]);
  });

  it('whose token lives shorter than the margin is not asked for again at each call', async () => {
    await refreshTo({ expires_in: 120 });
    const asked = (await world.sandbox.read('requests?path=/oauth/*/token')).results.length;
    for (let call = 0; call < 5; call += 1) await ctx.services.tokens.accessTokenFor(portalId);
    expect((await world.sandbox.read('requests?path=/oauth/*/token')).results).toHaveLength(asked);
  });
});
