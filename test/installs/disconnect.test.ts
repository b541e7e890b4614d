import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { alarmsStore } from '../../app/alarms/index.ts';
import { historyStore } from '../../app/installs/history-store.ts';
import { expectError } from '../helpers/expect-error.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { addInstalls } from './tokens/add-installs.ts';

const UNINSTALL = '/appinstalls/2026-03/external-install';

describe('a portal that is disconnected', () => {
  let world: World;
  let ahead = 0;
  let portalId = 5_000_000;

  beforeAll(async () => {
    world = await startWorld({
      clock: { now: () => Date.now() + ahead },
      // What follows a refusal for the rate is not to wait for its end.
      settings: { HUBSPOT_RATE_LIMIT: '0' },
    });
  });
  beforeEach(async () => {
    portalId += 1;
    await addInstalls(world, { from: portalId });
  });
  afterAll(() => world.close());

  const disconnect = async (query = '') => world.apiRequest('DELETE', `/hubid/${portalId}${query}`);
  const row = () => world.ctx.installs.store.find(world.ctx.pool, portalId);
  const stored = () => world.ctx.installs.tokenStore.find(world.ctx.pool, portalId);
  const fail = (failure: Record<string, unknown>) => world.sandbox.control('failures', failure);

  async function history() {
    const rows = await world.ctx.services.installs.history(portalId);
    return rows.map(({ fromState, toState, reason }) => [fromState, toState, reason]);
  }

  async function events(): Promise<string[]> {
    const { rows } = await world.ctx.pool.query(
      'select subscription_type from webhook_events where portal_id = $1 order by occurred_at',
      [portalId],
    );
    return rows.map(({ subscription_type }) => subscription_type);
  }

  /** Method and path of what the app has sent since. */
  async function sentSince(count: number): Promise<string[]> {
    const { results } = await world.sandbox.read('requests');
    return results.slice(count).map(({ method, path }: Record<string, string>) => `${method} ${path}`);
  }

  const sent = async () => (await world.sandbox.read('requests')).results.length as number;

  /** `false` when the app is gone from the account. */
  async function installedAtHubSpot(): Promise<boolean> {
    const page = await fetch(`${world.sandboxUrl}/portals/${portalId}`);
    return !(await page.text()).includes('is not installed');
  }

  it('is uninstalled at HubSpot, its refresh token is revoked, and its tokens are deleted', async () => {
    const before = await sent();
    const answer = await disconnect();
    expect([answer.status, answer.body]).toEqual([
      200,
      { portalId, state: 'uninstalled', hubspotTold: true },
    ]);
    expect(await sentSince(before)).toEqual([`DELETE ${UNINSTALL}`, 'POST /oauth/2026-03/token/revoke']);
    expect(await installedAtHubSpot()).toBe(false);
    const { results } = await world.sandbox.read(`tokens?portalId=${portalId}`);
    expect(results[0].revoked).toBe(true);

    const { rows } = await world.ctx.pool.query(
      'select access_token, refresh_token, access_token_expires_at, refresh_due_at from installs where portal_id = $1',
      [portalId],
    );
    expect(Object.values(rows[0])).toEqual([null, null, null, null]);
    expect(await history()).toEqual([
      [null, 'active', 'installed'],
      ['active', 'uninstalled', 'disconnected here'],
    ]);
    expect(await events()).toEqual(['app.uninstalled']);
    expect(await world.json('GET', `/hubid/${portalId}`)).toMatchObject({
      state: 'uninstalled',
      stateReason: 'disconnected here',
      accessTokenExpiresAt: null,
      nextRefreshAt: null,
    });
  });

  it('cannot be used any more, and causes no call to HubSpot', async () => {
    await disconnect();
    const before = await sent();
    await expectError(
      await world.apiRequest('GET', `/hubid/${portalId}/contact/x@example.com`),
      404,
      'install_not_found',
    );
    await expect(world.ctx.services.tokens.refreshIfDue(portalId)).rejects.toMatchObject({ status: 404 });
    expect(await sentSince(before)).toEqual([]);
  });

  it('stays disconnected when it is disconnected again', async () => {
    await disconnect();
    const before = await sent();
    expect((await disconnect()).status).toBe(200);
    expect(await sentSince(before)).toEqual([]);
    expect(await history()).toHaveLength(2);
    expect(await events()).toEqual(['app.uninstalled']);
  });

  it('ends once when it is disconnected three times at once', async () => {
    const answers = await Promise.all([disconnect(), disconnect(), disconnect()]);
    for (const { status } of answers) expect(status).toBe(200);
    // The second may learn from HubSpot that the first has ended it.
    expect((await history()).at(-1)).toEqual([expect.any(String), 'uninstalled', 'disconnected here']);
    expect((await row())?.state).toBe('uninstalled');
    expect(await events()).toEqual(['app.uninstalled']);
  });

  it('gets no history entry of a refresh after its end', async () => {
    const { pool, installs } = world.ctx;
    const install = await row();
    if (!install) throw new Error('no install');
    const ending = await pool.connect();
    try {
      await ending.query('begin');
      await installs.store.end(ending, portalId, install, 'uninstalled', 'disconnected here');
      const note = historyStore.addNotes(pool, [{ install, toState: 'refreshing', reason: 'late' }]);
      await until('the note to wait', async () => {
        const { rows } = await pool.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return rows.length > 0;
      });
      await ending.query('commit');
      await note;
    } finally {
      ending.release();
    }
    expect((await history()).map(([, state]) => state)).toEqual(['active', 'uninstalled']);
  });

  it('with an expired token is refreshed first, and its newest refresh token is revoked', async () => {
    await world.sandbox.setApp({ rotateRefreshTokens: true });
    await world.sandbox.control('clock', { advanceSeconds: 3600 });
    ahead += 3_600_000;
    const old = await stored();
    expect((await disconnect()).status).toBe(200);
    await world.sandbox.setApp({ rotateRefreshTokens: false });
    const { results } = await world.sandbox.read('requests?path=/oauth/*/token/revoke');
    const revoked = results.at(-1).body.token;
    // The sandbox shows the end of a secret only.
    expect(revoked).toMatch(/^\*{3}.{4}$/);
    expect(revoked.slice(3)).not.toBe(old?.refreshToken.slice(-4));
    expect(await installedAtHubSpot()).toBe(false);
  });

  it.each([
    { what: 'does not answer the uninstall', failure: { path: UNINSTALL, status: 503 } },
    { what: 'is over its limit', failure: { path: UNINSTALL, status: 429 } },
    { what: 'does not answer the revocation', failure: { path: '/oauth/*/revoke', status: 503 } },
  ])('keeps its tokens while HubSpot $what, and can be disconnected later', async ({ failure }) => {
    const before = await stored();
    // A wait this long is left to the caller.
    await fail({ ...failure, headers: { 'retry-after': '600' } });
    await expectError(await disconnect(), 503, 'hubspot_unavailable');
    expect(await stored()).toEqual(before);
    expect(await history()).toEqual([[null, 'active', 'installed']]);
    expect(await events()).toEqual([]);

    expect((await disconnect()).status).toBe(200);
    expect((await row())?.state).toBe('uninstalled');
    expect(await events()).toEqual(['app.uninstalled']);
    expect(await installedAtHubSpot()).toBe(false);
  });

  it.each([
    { what: 'with 400', failure: { status: 400 } },
    { what: 'with 401, time after time', failure: { status: 401, times: 2 } },
    { what: 'with 403', failure: { status: 403, body: { status: 'error', category: 'MISSING_SCOPES' } } },
    { what: 'with 404', failure: { status: 404, body: { status: 'error', category: 'OBJECT_NOT_FOUND' } } },
  ])('keeps its tokens when HubSpot refuses $what although the app is installed', async ({ failure }) => {
    const { refreshToken } = (await stored()) ?? {};
    expect(refreshToken).toEqual(expect.any(String));
    await fail({ path: UNINSTALL, ...failure });
    await expectError(await disconnect(), 502, 'disconnect_refused');
    expect((await row())?.state).toBe('active');
    expect((await stored())?.refreshToken).toBe(refreshToken);
    expect(await events()).toEqual([]);
    expect(await installedAtHubSpot()).toBe(true);

    expect((await disconnect()).status).toBe(200);
    expect(await installedAtHubSpot()).toBe(false);
  });

  it('is ended here when HubSpot refuses because the app is no longer installed', async () => {
    await world.sandbox.control('uninstall', { portalId });
    await fail({ path: UNINSTALL, status: 404 });
    expect((await disconnect()).body).toMatchObject({ state: 'uninstalled', hubspotTold: true });
    expect(await stored()).toBeUndefined();
    expect(await events()).toEqual(['app.uninstalled']);
  });

  it('is ended here when HubSpot no longer knows the refresh token to revoke', async () => {
    const body = { error: 'invalid_grant', status: 'BAD_REFRESH_TOKEN', message: 'no' };
    await fail({ path: '/oauth/*/revoke', status: 400, body });
    expect((await disconnect()).status).toBe(200);
    expect(await stored()).toBeUndefined();
  });

  it.each([
    { what: 'the revocation', path: '/oauth/*/revoke', first: {} },
    {
      what: 'the question whether the app is gone',
      path: '/oauth/*/introspect',
      first: { path: UNINSTALL, status: 400 },
    },
  ])(
    'keeps its tokens and raises an alarm when HubSpot rejects the app at $what',
    async ({ path, first }) => {
      if (first.path) await fail(first);
      await fail({ path, status: 400, body: { error: 'invalid_client', status: 'BAD_CLIENT_SECRET' } });
      const before = await stored();
      await expectError(await disconnect(), 502, 'app_misconfigured');
      expect(await stored()).toEqual(before);
      expect(await events()).toEqual([]);
      expect(await world.ctx.services.alarms.list()).toMatchObject([{ name: 'app_misconfigured' }]);

      expect((await disconnect()).status).toBe(200);
      expect(await events()).toEqual(['app.uninstalled']);
      await alarmsStore.clear(world.ctx.pool, 'app_misconfigured');
    },
  );

  it('is ended here without a call to HubSpot when only this server is asked for', async () => {
    const before = await sent();
    const expected = { portalId, state: 'uninstalled', hubspotTold: false };
    expect((await disconnect('?local=true')).body).toEqual(expected);
    expect(await stored()).toBeUndefined();
    expect((await history()).at(-1)).toEqual([
      'active',
      'uninstalled',
      'disconnected here; HubSpot was not notified',
    ]);
    // A second time, whichever way, HubSpot still does not know.
    expect((await disconnect()).body).toEqual(expected);
    expect(await sentSince(before)).toEqual([]);
    expect(await events()).toEqual(['app.uninstalled']);
    expect(await installedAtHubSpot()).toBe(true);
    expect((await disconnect('?local=perhaps')).status).toBe(400);
  });

  it('is ended here when no key opens its tokens, and reports that HubSpot was not notified', async () => {
    await addInstalls(world, { from: portalId + 500_000 });
    await world.ctx.pool.query(
      `update installs set (access_token, refresh_token) =
         (select access_token, refresh_token from installs where portal_id = $2) where portal_id = $1`,
      [portalId, portalId + 500_000],
    );
    const answer = await disconnect();
    expect([answer.status, answer.body]).toEqual([
      200,
      { portalId, state: 'uninstalled', hubspotTold: false },
    ]);
    expect((await row())?.state).toBe('uninstalled');
    expect(await events()).toEqual(['app.uninstalled']);
  });

  it('is only ended here after the customer removed the app in HubSpot', async () => {
    await world.sandbox.control('uninstall', { portalId });
    expect((await disconnect()).status).toBe(200);
    expect((await row())?.state).toBe('uninstalled');
    expect(await stored()).toBeUndefined();
    expect(await events()).toEqual(['app.uninstalled']);
    expect((await history()).map(([, state]) => state)).toEqual([
      'active',
      'refreshing',
      'needs_reconnect',
      'uninstalled',
    ]);
  });

  it('keeps its tokens while the app is misconfigured', async () => {
    await world.sandbox.control('clock', { advanceSeconds: 3600 });
    ahead += 3_600_000;
    const before = await stored();
    const body = { error: 'invalid_client', status: 'BAD_CLIENT_SECRET', message: 'no' };
    await fail({ path: '/oauth/*/token', status: 400, body });
    await expectError(await disconnect(), 502, 'app_misconfigured');
    expect(await stored()).toEqual(before);
    ahead += 6_000;
    expect((await disconnect()).status).toBe(200);
  });

  it('keeps the new install when it was installed again in the meantime', async () => {
    await fail({ path: UNINSTALL, delayMs: 3_000, status: 404 });
    const before = await sent();
    const former = await stored();
    const disconnecting = disconnect();
    await until('the uninstall to be under way', async () => (await sent()) > before);
    await world.sandbox.control('uninstall', { portalId });
    expect((await world.install(portalId)).status).toBe(200);
    expect((await disconnecting).status).toBe(200);
    expect((await row())?.state).toBe('active');
    const now = await stored();
    expect(now?.installId).toBeGreaterThan(former?.installId ?? 0);
    expect(now?.refreshToken).not.toBe(former?.refreshToken);
    expect(await events()).toEqual(['app.uninstalled', 'app.installed']);
  });

  it.each([
    { what: 'disconnected here', end: () => disconnect() },
    {
      what: 'removed in HubSpot',
      end: async () => {
        await world.sandbox.control('uninstall', { portalId });
        await world.apiRequest('GET', `/hubid/${portalId}/contact/x@example.com`);
      },
    },
  ])('starts clean when it installs again ($what)', async ({ end }) => {
    const first = await row();
    await end();
    expect(await events()).toEqual(['app.uninstalled']);
    expect((await world.install(portalId)).status).toBe(200);
    const again = await row();
    expect(again).toMatchObject({
      state: 'active',
      stateReason: 'installed again',
      refreshFailures: 0,
      installId: expect.any(Number),
    });
    expect(again?.installId).toBeGreaterThan(first?.installId ?? 0);
    expect(again?.installedAt.getTime()).toBeGreaterThan(first?.installedAt.getTime() ?? 0);
    expect((await history()).at(-1)).toEqual([expect.any(String), 'active', 'installed again']);
    await expectError(
      await world.apiRequest('GET', `/hubid/${portalId}/contact/x@example.com`),
      404,
      'not_found',
    );

    await disconnect();
    expect(await events()).toEqual(['app.uninstalled', 'app.installed', 'app.uninstalled']);
    const entries = await world.ctx.services.installs.history(portalId);
    for (const [index, { at }] of entries.entries()) {
      expect(at.getTime()).toBeGreaterThanOrEqual(entries[index - 1]?.at.getTime() ?? 0);
    }
  });
});
