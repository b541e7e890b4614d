import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { REFRESH_MARGIN_MS } from '../../app/installs/tokens/refresh-timing.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { addInstalls } from '../installs/tokens/add-installs.ts';

const MINUTES_OF_A_DAY = 24 * 60;
const MINUTES_BETWEEN_CALLS = 3;
const PORTALS = 3;

describe('a day', () => {
  let world: World;
  let ahead = 0;
  let portals: number[];
  let from = 2_000_000;

  beforeAll(async () => {
    world = await startWorld({
      clock: { now: () => Date.now() + ahead },
      settings: { HUBSPOT_RATE_LIMIT: '0' },
    });
    await world.sandbox.setApp({ rateLimit: null });
  });
  beforeEach(async () => {
    from += 100;
    portals = await addInstalls(world, { from, count: PORTALS });
  });
  afterAll(() => world.close());

  /** Both clocks, HubSpot's and the app's. */
  async function pass(minutes: number) {
    await world.sandbox.control('clock', { advanceSeconds: minutes * 60 });
    ahead += minutes * 60_000;
  }

  const sweep = () => world.ctx.installs.sweep({ stopping: () => false, longestMs: 240_000 });

  /** These portals have no contacts: a 404 shows that the token was good. */
  async function callData() {
    await Promise.all(
      portals.map((portalId) =>
        expect(world.ctx.hubspotFor(portalId).contacts.get('1')).rejects.toMatchObject({ status: 404 }),
      ),
    );
  }

  /** Status of each data call of these portals that HubSpot has seen, and how many there were. */
  async function seen() {
    const { results } = await world.sandbox.read('requests?path=/crm/*');
    return results.map(({ status }: { status: number }) => status) as number[];
  }

  async function refreshes(): Promise<number[]> {
    const answers = portals.map((portalId) => world.sandbox.read(`tokens?portalId=${portalId}`));
    return (await Promise.all(answers)).map(({ results }) => results[0].refreshes);
  }

  async function shortestLife(): Promise<number> {
    const { rows } = await world.ctx.pool.query(
      'select min(access_token_expires_at) as first from installs where portal_id = any($1)',
      [portals],
    );
    return rows[0].first.getTime() - world.ctx.clock.now();
  }

  it('with the sweep running has no data call that gets 401 or waits for a refresh', async () => {
    const before = (await seen()).length;
    for (let minute = 1; minute <= MINUTES_OF_A_DAY; minute += 1) {
      await pass(1);
      // The worst moment for a call: just before the sweep.
      if (minute % MINUTES_BETWEEN_CALLS === 0) {
        expect(await shortestLife()).toBeGreaterThan(REFRESH_MARGIN_MS);
        await callData();
      }
      await sweep();
    }
    const statuses = (await seen()).slice(before);
    expect(statuses).toEqual(Array((MINUTES_OF_A_DAY / MINUTES_BETWEEN_CALLS) * PORTALS).fill(404));
    // Tokens of 30 minutes, refreshed when they have 6 to 8 left: not much more often than needed.
    for (const count of await refreshes()) {
      expect(count).toBeGreaterThanOrEqual(MINUTES_OF_A_DAY / 26);
      expect(count).toBeLessThanOrEqual(MINUTES_OF_A_DAY / 22);
    }
  });

  it('without a worker has no data call that gets 401', async () => {
    const before = (await seen()).length;
    for (let minute = 0; minute < MINUTES_OF_A_DAY; minute += 7) {
      await pass(7);
      await callData();
    }
    expect(new Set((await seen()).slice(before))).toEqual(new Set([404]));
  });

  it('of downtime is recovered by the first sweep', async () => {
    await pass(MINUTES_OF_A_DAY);
    await sweep();
    expect(await shortestLife()).toBeGreaterThan(REFRESH_MARGIN_MS);
    expect(await refreshes()).toEqual(Array(PORTALS).fill(1));
    await callData();
    await sweep();
    expect(await refreshes()).toEqual(Array(PORTALS).fill(1));
  });

  it('of downtime is also recovered by the first calls', async () => {
    const before = (await seen()).length;
    await pass(MINUTES_OF_A_DAY);
    await Promise.all([callData(), sweep(), callData()]);
    expect(new Set((await seen()).slice(before))).toEqual(new Set([404]));
    expect(await refreshes()).toEqual(Array(PORTALS).fill(1));
  });
});
