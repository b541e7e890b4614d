import { describe, expect, it } from '@jest/globals';
import { createContext } from '../../../app/context.ts';
import { expectError } from '../../helpers/expect-error.ts';
import { oauthError, SECOND, useRefreshWorld } from './refresh-world.ts';

describe('a refresh for which HubSpot rejects the app', () => {
  const app = useRefreshWorld();
  const {
    advance,
    alarms,
    contact,
    expired,
    failNext,
    history,
    postponeRefreshes,
    refreshRequests,
    row,
    stillValid,
    stored,
    tokenFor,
  } = app;

  describe.each([
    { name: 'BAD_CLIENT_ID', ...oauthError('invalid_client', 'BAD_CLIENT_ID') },
    { name: 'BAD_CLIENT_SECRET', ...oauthError('invalid_client', 'BAD_CLIENT_SECRET') },
    {
      name: 'BAD_CLIENT_SECRET said to be an invalid_grant',
      ...oauthError('invalid_grant', 'BAD_CLIENT_SECRET'),
    },
    { name: 'BAD_REDIRECT_URI', ...oauthError('invalid_grant', 'BAD_REDIRECT_URI') },
    { name: 'BAD_GRANT_TYPE', ...oauthError('unsupported_grant_type', 'BAD_GRANT_TYPE') },
    { name: 'invalid_client', ...oauthError('invalid_client') },
    { name: 'invalid_client with 401', ...oauthError('invalid_client'), status: 401 },
  ])('with $name', ({ name: _, ...failure }) => {
    it('raises an alarm, keeps the tokens, and uses the present one while it is valid', async () => {
      const portalId = await stillValid();
      const before = await stored(portalId);
      await failNext(failure);
      expect(await tokenFor(portalId)).toBe(before?.accessToken);
      expect(await stored(portalId)).toEqual(before);
      expect(await history(portalId)).toEqual([
        [null, 'active', 'installed'],
        ['active', 'refreshing', 'its token expires soon'],
        ['refreshing', 'active', expect.stringMatching(/^HubSpot rejects this app: 40[01]/)],
      ]);
      expect(await alarms()).toMatchObject([{ name: 'app_misconfigured', occurrences: 1 }]);
      await expectRecovery(portalId);
    });

    it('reports the error when the token has expired, and works again once the settings are right', async () => {
      const portalId = await expired();
      const before = await stored(portalId);
      await failNext(failure);
      await expectError(await contact(portalId), 502, 'app_misconfigured');
      expect(await stored(portalId)).toEqual(before);
      expect(await alarms()).toHaveLength(1);
      await expectRecovery(portalId);
    });

    async function expectRecovery(portalId: number) {
      const asked = await refreshRequests();
      await tokenFor(portalId).catch(() => {});
      // Every refresh would fail alike, so none is sent for some seconds.
      expect(await refreshRequests()).toBe(asked);
      advance(6 * SECOND);
      const token = await tokenFor(portalId);
      expect(token).toBe((await stored(portalId))?.accessToken);
      expect(await refreshRequests()).toBe(asked + 1);
      expect((await row(portalId)).tokenVersion).toBe(2);
      expect(await alarms()).toEqual([]);
    }
  });

  describe.each([{ name: 'unauthorized_client', ...oauthError('unauthorized_client') }])(
    'with $name, which may concern one account alone',
    ({ name: _, ...failure }) => {
      it('keeps the tokens, uses the valid one, and raises an alarm for the portal while it alone is affected', async () => {
        const portalId = await stillValid();
        const before = await stored(portalId);
        await failNext(failure);
        expect(await tokenFor(portalId)).toBe(before?.accessToken);
        expect(await stored(portalId)).toMatchObject({
          accessToken: before?.accessToken,
          refreshToken: before?.refreshToken,
          state: 'backing_off',
          refreshFailures: 1,
        });
        expect(await history(portalId)).toEqual([
          [null, 'active', 'installed'],
          ['active', 'refreshing', 'its token expires soon'],
          ['refreshing', 'backing_off', expect.stringMatching(/^HubSpot rejects this app: 40[01]/)],
        ]);
        expect(await alarms()).toMatchObject([
          {
            name: `refresh_refused:${portalId}`,
            occurrences: 1,
            message: expect.stringContaining('HUBSPOT_CLIENT_SECRET'),
          },
        ]);
        // Other portals are refreshed.
        await expectError(await contact(await expired()), 404, 'not_found');
        advance(2 * SECOND);
        await expectRecovery(portalId);
      });

      it('raises the alarm for the app once a second portal is affected, and works again once the settings are right', async () => {
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
        // Every refresh would fail alike, so none is sent for some seconds.
        const asked = await refreshRequests();
        await expectError(await contact(await expired()), 502, 'app_misconfigured');
        expect(await refreshRequests()).toBe(asked);
        advance(6 * SECOND);
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

  it('leaves an alarm that cannot be cleared to the sweep, and returns the token', async () => {
    const portalId = await expired();
    await failNext(oauthError('invalid_client'));
    await expect(tokenFor(portalId)).rejects.toMatchObject({ code: 'app_misconfigured' });
    advance(6 * SECOND);
    const { pool, installs } = app.world.ctx;
    await pool.query(`create function keep() returns trigger language plpgsql as $$ begin
        raise 'not now'; end; $$;
      create trigger keep before delete on alarms for each row execute function keep()`);
    try {
      expect(await tokenFor(portalId)).toBe((await stored(portalId))?.accessToken);
    } finally {
      await pool.query('drop function keep cascade');
    }
    expect(await alarms()).toHaveLength(1);
    await postponeRefreshes();
    await installs.sweep({ stopping: () => false, longestMs: 240_000 });
    expect(await alarms()).toEqual([]);
  });

  it('is over for all processes once one has refreshed a token', async () => {
    await failNext(oauthError('invalid_client'));
    await expect(tokenFor(await expired())).rejects.toMatchObject({ code: 'app_misconfigured' });
    const other = createContext(app.world.ctx.config, app.world.ctx.logger, { clock: app.world.ctx.clock });
    const sweep = () => other.installs.sweep({ stopping: () => false, longestMs: 240_000 });
    await postponeRefreshes();
    await sweep();
    expect(await alarms()).toHaveLength(1);
    await tokenFor(await expired(), other);
    await sweep();
    expect(await alarms()).toEqual([]);
    await other.close();
  });
});
