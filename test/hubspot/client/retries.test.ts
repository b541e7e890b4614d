import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CrmWorld, startCrmWorld } from '../../helpers/crm-world.ts';
import { between } from '../../helpers/sandbox-client.ts';
import { until } from '../../helpers/until.ts';
import { startWorld, type World } from '../../helpers/world.ts';

const CONTACTS = '/crm/objects/2026-09/contacts';

describe('a call that HubSpot temporarily rejects', () => {
  let world: CrmWorld;
  beforeAll(async () => {
    world = await startCrmWorld();
  });
  afterAll(() => world.close());

  it('is retried after the documented wait, or after Retry-After if that is longer', async () => {
    const limit = (policyName: string) => ({ status: 429, body: { policyName } });
    const retryAfter = (seconds: string) => ({ headers: { 'retry-after': seconds } });
    const cases: [Record<string, unknown>, number][] = [
      [{ status: 503 }, 225],
      [{ status: 408 }, 225],
      [{ status: 503, ...retryAfter('1') }, 1_000],
      [{ status: 423 }, 2_000],
      [{ status: 423, ...retryAfter('3') }, 3_000],
      [{ status: 477, ...retryAfter('1') }, 1_000],
      [limit('SECONDLY'), 1_000],
      [limit('TEN_SECONDLY_ROLLING'), 2_000],
      [{ ...limit('TEN_SECONDLY_ROLLING'), ...retryAfter('3') }, 3_000],
    ];
    // At the same time, each about a contact of its own.
    const waits = await Promise.all(
      cases.map(async ([failure], index) => {
        const { contact } = await world.hubspot.contacts.createOrUpdate(`wait-${index}@example.com`, {});
        const path = `${CONTACTS}/${contact.id}`;
        await world.sandbox.control('failures', { path, ...failure });
        await world.hubspot.contacts.get(contact.id);
        const [first, second] = (await world.sandbox.read(`requests?path=${path}`)).results;
        return between(first, second);
      }),
    );
    for (const [index, [failure, least]] of cases.entries()) {
      // A timer may fire within the millisecond before its time.
      expect([failure, waits[index]]).toEqual([failure, expect.any(Number)]);
      expect(waits[index]).toBeGreaterThanOrEqual(least - 2);
    }
  });

  it('may get Retry-After as a date', async () => {
    const headers = { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() };
    await world.sandbox.control('failures', { path: `${CONTACTS}/102`, status: 503, headers });
    const error = await world.hubspot.contacts.get('102').catch((it) => it);
    expect(error.retryAfter).toBeGreaterThan(3_500);
    expect(error.retryAfter).toBeLessThanOrEqual(3_601);
  });

  it('causes one refresh, however often its token is rejected', async () => {
    const path = `${CONTACTS}/103`;
    const refusals = [401, 503, 401, 503].map((status) => ({ path, status }));
    for (const refusal of refusals) await world.sandbox.control('failures', refusal);
    const refreshes = async () => (await world.sandbox.read('tokens?portalId=62515')).results[0].refreshes;
    const before = await refreshes();
    await expect(world.hubspot.contacts.get('103')).rejects.toMatchObject({ status: 401 });
    expect((await refreshes()) - before).toBe(1);
    await world.hubspot.contacts.get('103');
  });
});

describe('a call that reaches its deadline', () => {
  let world: World;
  let ahead = 0;
  beforeAll(async () => {
    world = await startWorld({
      callDeadlinesMs: { interactive: 5_000, background: 5_000 },
      clock: { now: () => Date.now() + ahead },
    });
    await world.install();
    await world.sandbox.setApp({ rateLimit: null });
  });
  afterAll(() => world.close());

  /** Longer than a call may take that has no deadline but those of its parts. */
  const HANGING = 60_000;
  const hubspot = () => world.ctx.hubspotFor(62515);
  const sent = async (path: string): Promise<unknown[]> =>
    (await world.sandbox.read(`requests?path=${path}`)).results;

  /** What it ended with, and that this was long before HubSpot or a time limit of a part would have ended it. */
  async function ended(call: () => Promise<unknown>): Promise<{ message: string }> {
    const started = performance.now();
    const error = await call().then(
      () => ({ message: 'done' }),
      (it) => it,
    );
    expect(performance.now() - started).toBeLessThan(HANGING);
    return error;
  }

  it('times out when HubSpot hangs, and a create is not retried but reported as unconfirmed', async () => {
    await world.sandbox.control('failures', { path: `${CONTACTS}*`, delayMs: HANGING, times: 2 });
    const [read, create] = await Promise.all([
      ended(() => hubspot().contacts.get('101')),
      ended(() => hubspot().contacts.create({ email: 'hanging@example.com' })),
    ]);
    expect(read.message).toBe(`HubSpot: GET ${CONTACTS}/101: no answer (ETIMEDOUT)`);
    expect(create.message).toBe(
      `HubSpot: POST ${CONTACTS}: no answer (ETIMEDOUT): it was sent and may have been carried out`,
    );
    expect(await sent(CONTACTS)).toHaveLength(1);
  });

  it('times out also after a 401', async () => {
    const path = `${CONTACTS}/102`;
    await world.sandbox.control('failures', { path, status: 401, delayMs: 300 });
    await world.sandbox.control('failures', { path, delayMs: HANGING });
    expect((await ended(() => hubspot().contacts.get('102'))).message).toMatch(/no answer|not sent/);
  });

  it('fails at once when no time is left, without using a token or a place in the budget', async () => {
    const path = `${CONTACTS}/105`;
    const { contacts } = world.ctx.hubspotFor(62515, 'interactive', 500);
    const slots = async () => (await world.ctx.pool.query('select slots from call_budgets')).rows;
    const before = await slots();
    const error = await ended(() => contacts.get('105'));
    expect(error).toMatchObject({ sent: false, message: `HubSpot: GET ${path}: not sent: its time is over` });
    expect(await sent(path)).toEqual([]);
    expect(await slots()).toEqual(before);
  });

  it('fails before its place in the budget, and nothing is sent', async () => {
    await world.ctx.pool.query(
      `insert into call_budgets (portal_id, lane, slots)
       select 62515, 'general', array_fill(floor(extract(epoch from now()) * 1000)::bigint, array[110])
       on conflict (portal_id, lane) do update set slots = excluded.slots`,
    );
    const before = await sent(`${CONTACTS}/103`);
    const error = await ended(() => hubspot().contacts.get('103'));
    expect(error).toMatchObject({
      sent: false,
      message: expect.stringMatching(/not sent: the call budget is spent/),
    });
    expect(await sent(`${CONTACTS}/103`)).toEqual(before);
    await world.ctx.pool.query(`update call_budgets set slots = '{}'`);
  });

  it('times out while the refresh continues', async () => {
    ahead = 90 * 60 * 1000;
    await world.sandbox.control('failures', { path: '/oauth/*', delayMs: 6_000 });
    const error = await ended(() => hubspot().contacts.get('104'));
    expect(error.message).toMatch(/not sent: no access token in time/);
    await until('the refresh to be done', () =>
      hubspot()
        .contacts.get('104')
        .then(
          () => true,
          () => false,
        ),
    );
    const [portal] = (await world.sandbox.read('tokens?portalId=62515')).results;
    // One for the token that was refused above, and this one.
    expect(portal.refreshes).toBe(2);
  });
});
