import { describe, expect, it } from '@jest/globals';
import { createContext } from '../../../app/context.ts';
import { until } from '../../helpers/until.ts';
import { SECOND, useRefreshWorld } from './refresh-world.ts';

describe('a refresh', () => {
  const app = useRefreshWorld({});
  const { contact, expired, history, refreshRequests, row, stillValid, stored, tokenFor } = app;

  it('that takes long does not delay a call whose token is still valid', async () => {
    const portalId = await stillValid();
    await app.world.sandbox.control('failures', {
      method: 'POST',
      path: '/oauth/*/token',
      delayMs: 6 * SECOND,
      times: 1,
    });
    const before = await stored(portalId);
    expect(await tokenFor(portalId)).toBe(before?.accessToken);
    // Other calls do not wait for it either.
    expect(await Promise.all([tokenFor(portalId), contact(portalId)])).toEqual([
      before?.accessToken,
      expect.objectContaining({ status: 404 }),
    ]);
    expect(await app.world.json('GET', `/hubid/${portalId}`)).toMatchObject({ state: 'refreshing' });
    await until('the refresh to end', async () => (await row(portalId)).tokenVersion === 2);
    expect((await history(portalId)).map(([, state]) => state)).toEqual(['active', 'refreshing', 'active']);
  });

  it('is finished and stored before the server stops', async () => {
    const portalId = await stillValid();
    const ending = createContext(app.world.ctx.config, app.world.ctx.logger, { clock: app.world.ctx.clock });
    await app.world.sandbox.setApp({ rotateRefreshTokens: true });
    await app.world.sandbox.control('failures', {
      method: 'POST',
      path: '/oauth/*/token',
      delayMs: 4 * SECOND,
      times: 1,
    });
    const before = await stored(portalId);
    expect(await tokenFor(portalId, ending)).toBe(before?.accessToken);
    await ending.close();
    await app.world.sandbox.setApp({ rotateRefreshTokens: false });
    const after = await stored(portalId);
    expect(after?.tokenVersion).toBe(2);
    expect(after?.refreshToken).not.toBe(before?.refreshToken);
    expect((await history(portalId)).map(([, state]) => state)).toEqual(['active', 'refreshing', 'active']);
  });

  it('is stored with retries, under its lock, when the database fails at first', async () => {
    const portalId = await expired();
    await app.world.sandbox.setApp({ rotateRefreshTokens: true });
    const { pool } = app.world.ctx;
    // A sequence counts the failures, as it does not roll back with them.
    await pool.query(`create sequence failed_writes;
      create function fail_twice() returns trigger language plpgsql as $$ begin
        if nextval('failed_writes') <= 2 then raise 'no more space'; end if; return new; end; $$;
      create trigger fail_twice before update on installs for each row execute function fail_twice()`);
    const before = await stored(portalId);
    const asked = await refreshRequests();
    try {
      const token = await tokenFor(portalId);
      const after = await stored(portalId);
      expect([after?.accessToken, after?.tokenVersion]).toEqual([token, 2]);
      expect(after?.refreshToken).not.toBe(before?.refreshToken);
    } finally {
      await pool.query('drop function fail_twice cascade; drop sequence failed_writes');
      await app.world.sandbox.setApp({ rotateRefreshTokens: false });
    }
    expect(await refreshRequests()).toBe(asked + 1);
  });

  it('is not sent while the database accepts no note of it, and callers use the present token', async () => {
    const portalId = await stillValid();
    const before = await stored(portalId);
    await app.world.ctx.pool.query(
      'alter table install_history add constraint full_disk check (false) not valid',
    );
    try {
      expect(await tokenFor(portalId)).toBe(before?.accessToken);
    } finally {
      await app.world.ctx.pool.query('alter table install_history drop constraint full_disk');
    }
    expect(await tokenFor(portalId)).not.toBe(before?.accessToken);
  });
});
