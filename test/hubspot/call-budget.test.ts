import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

describe('the call budget of a portal', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    await world.install();
  });
  afterAll(() => world.close());

  it('shrinks to what HubSpot’s headers say', async () => {
    await world.sandbox.setApp({ rateLimit: 40 });
    await world.ctx.hubspotFor(62515).contacts.get('101');
    await until('the limit to be noted', async () => (await budget())?.known_limit === 40);
    await Promise.all(Array.from({ length: 39 }, () => world.ctx.hubspotFor(62515).contacts.get('101')));
    expect(await refusals()).toBe(0);
    expect((await budget())?.slots).toHaveLength(40);
  });

  it('is no part of other portals’ budgets', async () => {
    await world.install(62516);
    await world.ctx.hubspotFor(62516).contacts.get('201');
    const { rows } = await world.ctx.pool.query('select portal_id from call_budgets order by 1');
    expect(rows.map(({ portal_id }) => portal_id)).toEqual([62515, 62516]);
  });

  async function budget(): Promise<{ known_limit: number | null; slots: string[] } | undefined> {
    const { rows } = await world.ctx.pool.query(
      'select known_limit, slots from call_budgets where portal_id = 62515',
    );
    return rows[0];
  }

  async function refusals(): Promise<number> {
    const { results } = await world.sandbox.read('requests');
    return results.filter(({ status }: { status: number }) => status === 429).length;
  }
});
