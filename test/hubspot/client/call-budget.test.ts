import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { between } from '../../helpers/sandbox-client.ts';
import { until } from '../../helpers/until.ts';
import { startWorld, type World } from '../../helpers/world.ts';

describe('the call budget of a portal', () => {
  let world: World;
  beforeAll(async () => {
    // Otherwise calls that wait are sent together, and use one place.
    world = await startWorld({ coalesceCalls: false });
    await world.install();
  });
  afterAll(() => world.close());

  it('is reduced to the limit in HubSpot’s headers', async () => {
    await world.sandbox.setApp({ rateLimit: 40 });
    await world.ctx.hubspotFor(62515).contacts.get('101');
    await until('the limit to be noted', async () => (await budget())?.known_limit === 40);
    await Promise.all(Array.from({ length: 39 }, () => world.ctx.hubspotFor(62515).contacts.get('101')));
    expect(await refusals()).toBe(0);
    expect((await budget())?.slots).toHaveLength(40);
  });

  it('reserves exactly one place per waiting call', async () => {
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

  it('is independent of other portals’ budgets', async () => {
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

  describe('after a 429', () => {
    const policy = (policyName: string, retryAfter?: string) => ({
      status: 429,
      body: { policyName, category: 'RATE_LIMITS' },
      ...(retryAfter && { headers: { 'retry-after': retryAfter } }),
    });

    beforeAll(() => world.sandbox.setApp({ rateLimit: null, searchRateLimit: null }));
    afterEach(() => world.ctx.pool.query('update call_budgets set not_before = 0'));

    it('holds calls for Retry-After, also when the call is not retried', async () => {
      const { timeline, contacts } = world.ctx.hubspotFor(62515);
      await world.sandbox.control('failures', {
        path: '/integrators/*',
        ...policy('TEN_SECONDLY_ROLLING', '3'),
      });
      const event = { id: 'held', eventTypeName: 'x', email: 'jane@example.com', properties: {} };
      await expect(timeline.sendEvent(event)).rejects.toMatchObject({ status: 429, retryAfter: 3 });
      await until('the wait to be noted', held);
      await contacts.get('101');
      const [refused, next] = (await requests()).slice(-2);
      expect([refused?.status, next?.status]).toEqual([429, 200]);
      expect(between(refused, next)).toBeGreaterThanOrEqual(2_990);
    });

    it('holds both lanes for at most 15 minutes after a daily limit, and calls fail at once with the reason', async () => {
      const { contacts } = world.ctx.hubspotFor(62515);
      await world.sandbox.control('failures', { path: '/crm/*', ...policy('DAILY', '3600') });
      await expect(contacts.get('101')).rejects.toMatchObject({ status: 429, policyName: 'DAILY' });
      await until('the wait to be noted', held);
      const before = (await requests()).length;
      for (const call of [() => contacts.get('101'), () => contacts.search({ query: 'jane' }).next()]) {
        const error = await call().catch((it) => it);
        expect(error).toMatchObject({ sent: false, status: undefined, transient: true });
        expect(error.message).toMatch(/not sent: an earlier call met the daily limit$/);
        // Known at once, and not the hour: nothing would end it if the account's limit were raised.
        expect(error.retryAfter).toBeGreaterThan(600);
        expect(error.retryAfter).toBeLessThanOrEqual(900);
      }
      expect((await requests()).length).toBe(before);
    });

    it('tries again after a while when HubSpot does not state the end of a daily limit', async () => {
      await world.sandbox.control('failures', { path: '/crm/*', ...policy('DAILY') });
      await world.ctx
        .hubspotFor(62515)
        .contacts.get('101')
        .catch(() => {});
      const wait = await until('the wait to be noted', held);
      expect(wait).toBeGreaterThan(60_000);
      expect(wait).toBeLessThanOrEqual(60 * 60_000);
    });

    it('does not fail the call when the database cannot store the limit', async () => {
      await world.sandbox.control('failures', { path: '/crm/*', ...policy('SECONDLY') });
      await world.ctx.pool.query('alter table call_budgets rename to elsewhere');
      try {
        expect(await world.ctx.hubspotFor(62515).contacts.get('101')).toMatchObject({ id: '101' });
      } finally {
        await world.ctx.pool.query('alter table elsewhere rename to call_budgets');
      }
    });
  });

  it('is increased again by HubSpot’s headers, whichever process reduced it', async () => {
    await world.sandbox.setApp({ rateLimit: 110 });
    await world.ctx.pool.query(
      `update call_budgets set known_limit = 5, slots = '{}' where lane = 'general'`,
    );
    await world.ctx.hubspotFor(62515).contacts.get('101');
    await until('the limit to be forgotten', async () => (await budget())?.known_limit === null);
  });

  it('yields to other programs of the app when these fill HubSpot’s window', async () => {
    await world.sandbox.control('reset');
    await world.install();
    await world.ctx.pool.query('delete from call_budgets');
    await world.sandbox.setApp({ rateLimit: 20 });
    const { contacts } = world.ctx.hubspotFor(62515);
    const authorization = `Bearer ${await world.ctx.services.tokens.accessTokenFor(62515)}`;
    for (let call = 0; call < 19; call += 1) {
      await fetch(`${world.sandboxUrl}/crm/objects/2026-09/contacts/101`, { headers: { authorization } });
    }
    await contacts.get('101');
    expect(await until('the others to have their turn', held)).toBeLessThanOrEqual(1_000);
  });

  /** Milliseconds until calls may start; false while no wait is noted. A wait that is over by now counts as well. */
  async function held(): Promise<number | false> {
    const { rows } = await world.ctx.pool.query(
      `select max(not_before) as until, max(not_before) - extract(epoch from clock_timestamp()) * 1000 as wait
       from call_budgets`,
    );
    return Number(rows[0].until) > 0 && Number(rows[0].wait);
  }

  async function requests(): Promise<{ at: string; status: number }[]> {
    const { results } = await world.sandbox.read('requests');
    return results.filter(({ path }: { path: string }) => /^\/(crm|integrators)\//.test(path));
  }

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
