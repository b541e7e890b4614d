import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { type Context, createContext } from '../../../app/context.ts';
import { startWorld, type World } from '../../helpers/world.ts';
import { addInstalls } from './add-installs.ts';

describe('an unusual answer to a refresh', () => {
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
      method: 'POST',
      path: '/oauth/*/token',
      status: 200,
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
  ])('without a refresh token ($refresh_token) keeps the present one, which still works', async (odd) => {
    const { before, after } = await refreshTo({ ...odd, expires_in: 1800 });
    expect(after.refreshToken).toBe(before.refreshToken);
    expect(after.accessToken).not.toBe(before.accessToken);
    await ctx.services.tokens.refreshNow(portalId);
    expect((await ctx.installs.store.find(ctx.pool, portalId))?.tokenVersion).toBe(3);
  });

  it('with another refresh token stores that one', async () => {
    const { after } = await refreshTo({ refresh_token: 'another', expires_in: 1800 });
    expect(after.refreshToken).toBe('another');
  });

  it.each([undefined, null, 0, -1800, 0.2, true, 'soon', '', 'Infinity', [], {}, 24 * 3600 + 1, 1e300])(
    'with an expires_in of %p counts as thirty minutes, and is logged',
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
  ])('with a usable expires_in of $expires_in is accepted', async ({ expires_in }) => {
    const { seconds } = await refreshTo({ expires_in });
    expect(Math.abs(seconds - Number(expires_in))).toBeLessThan(10);
    expect(warnings).toEqual([]);
  });

  it('with a lifetime below the margin does not cause a refresh with each call', async () => {
    await refreshTo({ expires_in: 120 });
    const asked = (await world.sandbox.read('requests?path=/oauth/*/token')).results.length;
    for (let call = 0; call < 5; call += 1) await ctx.services.tokens.accessTokenFor(portalId);
    expect((await world.sandbox.read('requests?path=/oauth/*/token')).results).toHaveLength(asked);
  });
});
