import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createContext } from '../../../app/context.ts';
import { createRecentTokens } from '../../../app/installs/tokens/recent-tokens.ts';
import { startWorld, type World } from '../../helpers/world.ts';

const MARGIN_MS = 60_000;
const HOUR = 3_600_000;

describe('the cache of access tokens', () => {
  let now = 0;
  let tokens: ReturnType<typeof createRecentTokens>;
  beforeEach(() => {
    now = 1_000_000;
    tokens = createRecentTokens({ now: () => now }, MARGIN_MS);
  });
  const keep = (portalId: number, livesMs = HOUR) =>
    tokens.keep(portalId, {
      accessToken: `token of ${portalId}`,
      accessTokenExpiresAt: new Date(now + livesMs),
    });

  it('keeps a token for ten seconds and no longer', () => {
    keep(1);
    now += 9_999;
    expect(tokens.get(1)).toBe('token of 1');
    now += 1;
    expect(tokens.get(1)).toBeUndefined();
  });

  it('does not keep a token past the margin before its expiry', () => {
    keep(1, MARGIN_MS + 5_000);
    now += 4_999;
    expect(tokens.get(1)).toBe('token of 1');
    now += 1;
    expect(tokens.get(1)).toBeUndefined();
  });

  it('keeps one token per portal', () => {
    keep(1);
    keep(2);
    expect([tokens.get(1), tokens.get(2), tokens.get(3)]).toEqual(['token of 1', 'token of 2', undefined]);
  });

  it('drops a token when it is forgotten', () => {
    keep(1);
    keep(2);
    tokens.forget(1);
    expect([tokens.get(1), tokens.get(2)]).toEqual([undefined, 'token of 2']);
  });

  it('evicts the least recently used token when 2,000 are kept', () => {
    for (let portalId = 1; portalId <= 2_000; portalId += 1) keep(portalId);
    expect([tokens.get(1), tokens.get(2_000)]).toEqual(['token of 1', 'token of 2000']);
    keep(2_001);
    expect([1, 2, 3, 2_000, 2_001].map((portalId) => tokens.get(portalId))).toEqual([
      'token of 1',
      undefined,
      'token of 3',
      'token of 2000',
      'token of 2001',
    ]);
  });
});

describe('a token that another process has replaced', () => {
  let world: World;
  /** Stands still, so that a slow machine cannot use up the ten seconds. */
  let now = Date.now();
  beforeAll(async () => {
    world = await startWorld({ clock: { now: () => now } });
    await world.install();
  });
  afterAll(() => world.close());

  it('is used for at most ten seconds before the new one is read', async () => {
    const { tokens } = world.ctx.services;
    const before = await tokens.accessTokenFor(62515);
    const other = createContext(world.ctx.config, world.ctx.logger, { clock: { now: () => now } });
    const replaced = await other.services.tokens.renewed(62515, before);
    await other.close();
    expect(replaced).not.toBe(before);
    expect(await tokens.accessTokenFor(62515)).toBe(before);
    now += 10_000;
    expect(await tokens.accessTokenFor(62515)).toBe(replaced);
  });
});
