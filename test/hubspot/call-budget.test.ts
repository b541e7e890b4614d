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

  it('is reserved for calls that wait, and not a place more', async () => {
    const search = () => world.ctx.hubspotFor(62515).contacts.search({ query: 'jane' }).next();
    const first = Array.from({ length: 5 }, search);
    await Promise.race(first);
    await Promise.all([...first, search(), search(), search()]);
    const { rows } = await until('the last answer to be noted', async () => {
      const found = await world.ctx.pool.query(
        `select cardinality(slots) as ended, unanswered from call_budgets where lane = 'search'`,
      );
      return found.rows[0].unanswered.length === 0 && found;
    });
    expect(rows[0].ended).toBeLessThanOrEqual(8);
    expect(await refusals()).toBe(0);
  });

  it('is no part of other portals’ budgets', async () => {
    await world.install(62516);
    await world.sandbox.setApp({ rateLimit: null });
    // Spent, but for a second more.
    await world.ctx.pool.query(
      `insert into call_budgets (portal_id, lane, slots)
       select 62515, 'general', array_fill(floor(extract(epoch from now()) * 1000)::bigint - 9000, array[110])
       on conflict (portal_id, lane) do update set slots = excluded.slots`,
    );
    const calls = [
      world.ctx.hubspotFor(62515).contacts.get('101'),
      world.ctx.hubspotFor(62516).contacts.get('201'),
    ];
    expect((await Promise.race(calls)).id).toBe('201');
    const { rows } = await world.ctx.pool.query(
      `select cardinality(slots) as calls from call_budgets where portal_id = 62516 and lane = 'general'`,
    );
    expect(rows).toEqual([{ calls: 1 }]);
    await Promise.all(calls);
  });

  async function budget(): Promise<{ known_limit: number | null; slots: string[] } | undefined> {
    const { rows } = await world.ctx.pool.query(
      `select known_limit, slots from call_budgets where portal_id = 62515 and lane = 'general'`,
    );
    return rows[0];
  }

  async function refusals(): Promise<number> {
    const { results } = await world.sandbox.read('requests');
    return results.filter(({ status }: { status: number }) => status === 429).length;
  }
});
