import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningProcess, startProcess } from '../helpers/processes.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { addInstalls } from '../installs/tokens/add-installs.ts';
import type { Command, Outcome } from '../installs/tokens/caller.ts';

const PORTAL = 1_500_001;

describe('a process that is frozen while it refreshes', () => {
  let world: World;
  let stuck: RunningProcess;

  beforeAll(async () => {
    world = await startWorld();
    stuck = await startProcess('test/installs/tokens/caller.ts', world.settings);
  });
  afterAll(async () => {
    await stuck.kill('SIGKILL');
    await world.close();
  });

  it('delays the others by at most twenty seconds, and does no harm when it continues', async () => {
    await world.sandbox.setApp({ rotateRefreshTokens: true });
    await addInstalls(world, { from: PORTAL, secondsLeft: -1 });
    await world.sandbox.control('failures', { method: 'POST', path: '/oauth/*/token', delayMs: 1_000 });
    const answer = once(stuck.child, 'message');
    stuck.child.send({ portals: [PORTAL], calls: 1, via: 'tokens', aheadMs: 0 } satisfies Command);
    await until('the refresh to be under way', async () => {
      const { results } = await world.sandbox.read('failures');
      return results.length === 0;
    });
    stuck.child.kill('SIGSTOP');

    const began = performance.now();
    const waiting = Array.from({ length: 5 }, () => world.ctx.services.tokens.accessTokenFor(PORTAL));
    for (const result of await Promise.allSettled(waiting)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { status: 503, retryAfter: 5 } });
    }
    const seconds = (performance.now() - began) / 1000;
    expect(seconds).toBeGreaterThan(19);
    expect(seconds).toBeLessThan(25);

    // The customer installs again meanwhile: what the one that stood still brings is out of date.
    expect((await world.install(PORTAL)).status).toBe(200);
    const stored = () => world.ctx.installs.tokenStore.find(world.ctx.pool, PORTAL);
    const before = await stored();
    stuck.child.kill('SIGCONT');
    const [{ failures, tokens }] = (await answer) as [Outcome];
    expect([failures, tokens]).toEqual([[], [before?.accessToken]]);
    expect(await stored()).toEqual(before);
    expect(await world.ctx.services.tokens.accessTokenFor(PORTAL)).toBe(before?.accessToken);
  });
});
