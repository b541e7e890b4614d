import { describe, expect, it } from '@jest/globals';
import { expectError } from '../../helpers/expect-error.ts';
import { oauthError, SECOND, useRefreshWorld } from './refresh-world.ts';

describe('a refresh that HubSpot refuses for one account', () => {
  const app = useRefreshWorld();
  const {
    advance,
    alarms,
    contact,
    expired,
    failNext,
    postponeRefreshes,
    row,
    stillValid,
    stored,
    tokenFor,
  } = app;

  describe.each([
    { name: 'BAD_SCOPES', said: '400 BAD_SCOPES', ...oauthError('invalid_scope', 'BAD_SCOPES') },
    { name: 'invalid_request', said: '400', ...oauthError('invalid_request') },
    {
      name: 'an unknown error code',
      said: '400 MADE_UP',
      ...oauthError('made_up', 'MADE_UP'),
    },
    {
      name: '403 BANNED',
      said: '403 BANNED',
      status: 403,
      body: { status: 'error', message: 'no', category: 'BANNED' },
    },
  ])('with $name', ({ name: _, said, ...failure }) => {
    it('keeps the tokens, retries later, and raises an alarm that names the portal', async () => {
      const portalId = await stillValid();
      const before = await stored(portalId);
      await failNext(failure, 2);
      expect(await tokenFor(portalId)).toBe(before?.accessToken);
      expect(await stored(portalId)).toMatchObject({
        accessToken: before?.accessToken,
        refreshToken: before?.refreshToken,
        state: 'backing_off',
        stateReason: said,
        refreshFailures: 1,
      });
      const [{ since } = {}] = await alarms();
      advance(2 * SECOND);
      await tokenFor(portalId);
      expect(await alarms()).toMatchObject([{ name: `refresh_refused:${portalId}`, since, occurrences: 2 }]);
      const [alarm] = await alarms();
      expect(await app.world.ctx.services.alarms.of(portalId)).toEqual([alarm]);
      expect(await app.world.ctx.services.alarms.of(portalId + 1)).toEqual([]);
      expect(alarm?.message).toContain(`portal ${portalId} (${said})`);
      advance(3 * SECOND);
      await tokenFor(portalId);
      expect(await row(portalId)).toMatchObject({ state: 'active', tokenVersion: 2 });
      expect(await alarms()).toEqual([]);
    });

    it('does not affect other accounts', async () => {
      const [odd, healthy] = [await expired(), await expired()];
      await failNext(failure);
      const message = await expectError(await contact(odd), 503, 'hubspot_unavailable');
      expect(message).toContain(`HubSpot refuses to refresh its token (${said})`);
      await expectError(await contact(healthy), 404, 'not_found');
      await expectError(await contact(odd), 503, 'hubspot_unavailable');
    });

    it('ends its alarm with the next refresh, also while no alarm can be deleted', async () => {
      const portalId = await expired();
      await failNext(failure);
      await expect(tokenFor(portalId)).rejects.toMatchObject({ status: 503 });
      advance(2 * SECOND);
      await app.world.ctx.pool.query(`create function keep() returns trigger language plpgsql as $$ begin
          raise 'not now'; end; $$;
        create trigger keep before delete on alarms for each row execute function keep()`);
      try {
        expect(await tokenFor(portalId)).toBe((await stored(portalId))?.accessToken);
      } finally {
        await app.world.ctx.pool.query('drop function keep cascade');
      }
      const still = await expired();
      await failNext(failure);
      await expect(tokenFor(still)).rejects.toMatchObject({ status: 503 });
      await postponeRefreshes();
      await app.world.ctx.installs.sweep({ stopping: () => false, longestMs: 240_000 });
      expect((await alarms()).map(({ name }) => name)).toEqual([`refresh_refused:${still}`]);
    });

    it('ends its alarm when the retry fails for a passing reason', async () => {
      const portalId = await expired();
      await failNext(failure);
      await expect(tokenFor(portalId)).rejects.toMatchObject({ status: 503 });
      expect(await alarms()).toHaveLength(1);
      advance(2 * SECOND);
      await failNext({ status: 503 });
      await expect(tokenFor(portalId)).rejects.toMatchObject({ status: 503 });
      expect(await row(portalId)).toMatchObject({ state: 'backing_off', refreshFailures: 2 });
      expect(await alarms()).toEqual([]);
    });

    it('ends its alarm when the install ends', async () => {
      const portalId = await expired();
      await failNext(failure);
      await expect(tokenFor(portalId)).rejects.toMatchObject({ status: 503 });
      expect(await alarms()).toHaveLength(1);
      advance(2 * SECOND);
      await app.world.sandbox.control('uninstall', { portalId });
      await expect(tokenFor(portalId)).rejects.toMatchObject({ code: 'install_needs_reconnect' });
      expect(await alarms()).toEqual([]);
    });
  });
});
