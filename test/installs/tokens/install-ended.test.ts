import { describe, expect, it } from '@jest/globals';
import { expectError } from '../../helpers/expect-error.ts';
import { until } from '../../helpers/until.ts';
import { addInstalls } from './add-installs.ts';
import { oauthError, useRefreshWorld } from './refresh-world.ts';

describe('a refresh of an install that HubSpot has ended', () => {
  const app = useRefreshWorld();
  const {
    alarms,
    contact,
    expired,
    failNext,
    history,
    installed,
    refreshRequests,
    row,
    stillValid,
    stored,
    tokenFor,
    uninstalledEvents,
  } = app;

  describe.each([
    { name: 'BAD_REFRESH_TOKEN', ...oauthError('invalid_grant', 'BAD_REFRESH_TOKEN') },
    { name: 'BAD_REFRESH_TOKEN in the older form', ...oauthError(undefined, 'BAD_REFRESH_TOKEN') },
    { name: 'invalid_grant', ...oauthError('invalid_grant') },
    { name: 'BAD_HUB', ...oauthError('access_denied', 'BAD_HUB') },
    { name: 'BAD_HUB alone', ...oauthError(undefined, 'BAD_HUB') },
    { name: 'access_denied', ...oauthError('access_denied') },
  ])('with $name', ({ name: _, ...failure }) => {
    it.each([
      { what: 'an expired token', make: expired },
      { what: 'a token that has not expired', make: stillValid },
    ])(
      'deletes the tokens, notifies the handlers, and fails without a call from then on: $what',
      async ({ make }) => {
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

        const asked = (await app.world.sandbox.read('requests')).results.length;
        await expectError(await contact(portalId), 409, 'install_needs_reconnect');
        await expect(tokenFor(portalId)).rejects.toMatchObject({ code: 'install_needs_reconnect' });
        await expect(app.world.ctx.services.tokens.refreshNow(portalId)).rejects.toMatchObject({
          status: 409,
        });
        expect((await app.world.sandbox.read('requests')).results).toHaveLength(asked);
        expect(await app.world.json('GET', `/hubid/${portalId}`)).toMatchObject({
          state: 'needs_reconnect',
          stateReason: reason,
          reconnectUrl: `${app.world.serverUrl}/install?portalId=${portalId}`,
        });
      },
    );

    it('works again after the next install', async () => {
      const portalId = await expired();
      await failNext(failure);
      await expect(tokenFor(portalId)).rejects.toMatchObject({ code: 'install_needs_reconnect' });
      expect((await app.world.install(portalId)).status).toBe(200);
      await expectError(await contact(portalId), 404, 'not_found');
      expect((await history(portalId)).at(-1)).toEqual(['needs_reconnect', 'active', 'installed again']);
    });
  });

  it('follows the 401 of the first data call after the portal uninstalled the app', async () => {
    const portalId = await installed({ secondsLeft: 1800 });
    await app.world.sandbox.control('uninstall', { portalId });
    await expectError(await contact(portalId), 409, 'install_needs_reconnect');
    expect((await history(portalId)).slice(-2)).toEqual([
      ['active', 'refreshing', 'HubSpot rejected its token with 401'],
      ['refreshing', 'needs_reconnect', 'HubSpot: BAD_REFRESH_TOKEN'],
    ]);
  });

  it('does not end the new install when a reinstall has replaced the refresh token meanwhile', async () => {
    const portalId = await expired();
    await app.world.sandbox.control('failures', {
      method: 'POST',
      path: '/oauth/*/token',
      delayMs: 3_000,
      times: 1,
      ...oauthError('invalid_grant', 'BAD_REFRESH_TOKEN'),
    });
    const asked = await refreshRequests();
    const call = tokenFor(portalId);
    await until('the refresh to be under way', async () => (await refreshRequests()) > asked);
    await addInstalls(app.world, { from: portalId });
    expect(await call).toBe((await stored(portalId))?.accessToken);
    expect((await row(portalId)).state).toBe('active');
    expect((await history(portalId)).slice(-2)).toEqual([
      ['active', 'refreshing', 'its token expires soon'],
      ['refreshing', 'active', 'consented again'],
    ]);
    expect(await uninstalledEvents(portalId)).toBe(0);
  });
});
