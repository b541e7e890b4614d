import { beforeEach, describe, expect, it } from '@jest/globals';
import { between } from '../helpers/sandbox-client.ts';
import {
  badClient,
  locationOf,
  open,
  queryOf,
  type Step,
  take,
  useInstallBrowser,
} from './install-browser.ts';

const app = useInstallBrowser();
const { failing, finalize, marketplaceCallback, ownCallback, portal } = app;

describe('an install while HubSpot fails for a passing reason', () => {
  const asked = async (path: string): Promise<number> =>
    (await app.world.sandbox.read(`requests?path=${path}`)).results.length;
  const WAYS = [
    { way: 'our own link', step: async (): Promise<Step> => ({ url: await ownCallback(62516) }), done: 200 },
    {
      way: 'the marketplace',
      done: 302,
      step: async (): Promise<Step> => ({ url: await marketplaceCallback(62516) }),
    },
    { way: 'the marketplace with a sign-in', step: () => finalize(62516), done: 302 },
  ];
  const nothingMore = { userEmail: null, hubDomain: null };
  beforeEach(async () => {
    await app.world.api('DELETE', '/hubid/62516?local=true');
  });

  it.each([423, 429, 477, 488].flatMap((status) => WAYS.map((way) => ({ status, ...way }))))(
    'retries the code after $status: from $way',
    async ({ status, step, done }) => {
      const reached = await step();
      const before = await asked('/oauth/*/token');
      await app.world.sandbox.control('failures', { path: '/oauth/*/token', status });
      const answer = await take(reached);
      expect([answer.status, await asked('/oauth/*/token')]).toEqual([done, before + 2]);
      if (done === 302) expect(locationOf(answer)).toBe(queryOf(reached.url, 'returnUrl'));
      expect(await portal(62516)).toMatchObject({ state: 'active', userEmail: 'owner@second.example' });
    },
  );

  it.each([0, 500, 503, 504])('does not retry the code when it may be used up (%i)', async (status) => {
    const url = await ownCallback();
    const before = await asked('/oauth/*/token');
    await app.world.sandbox.control('failures', { path: '/oauth/*/token', status });
    expect([(await open(url)).status, await asked('/oauth/*/token')]).toEqual([502, before + 1]);
    expect((await open(url)).status).toBe(200);
  });

  it('waits for Retry-After', async () => {
    const url = await ownCallback();
    const headers = { 'retry-after': '1' };
    await app.world.sandbox.control('failures', { path: '/oauth/*/token', status: 429, headers });
    expect((await open(url)).status).toBe(200);
    const { results } = await app.world.sandbox.read('requests?path=/oauth/*/token');
    expect(between(results.at(-2), results.at(-1))).toBeGreaterThanOrEqual(950);
  });

  it.each([0, 423, 429, 477, 488, 500, 502, 503])('retries the introspection after %i', async (status) => {
    const url = await ownCallback(62516);
    const exchanges = await asked('/oauth/*/token');
    await app.world.sandbox.control('failures', { path: '/oauth/*/introspect', status });
    expect((await open(url)).status).toBe(200);
    expect(await asked('/oauth/*/token')).toBe(exchanges + 1);
    expect(await portal(62516)).toMatchObject({ state: 'active', hubDomain: expect.any(String) });
  });

  it.each(
    [
      { what: 'no answer', failure: { status: 503, times: 3 } },
      { what: 'a rate limit for a minute', failure: { status: 429, headers: { 'retry-after': '60' } } },
      { what: 'a page', failure: { status: 403, body: '<html>Blocked</html>', times: 3 } },
      { what: 'a refusal', failure: badClient('BAD_CLIENT_SECRET') },
    ].flatMap((trouble) => WAYS.map((way) => ({ ...trouble, ...way }))),
  )('keeps the tokens when the introspection returns $what: from $way', async (row) => {
    const { step, failure, done } = row;
    const reached = await step();
    await app.world.sandbox.control('failures', { path: '/oauth/*/introspect', ...failure });
    const answer = await take(reached);
    expect(answer.status).toBe(done);
    if (done === 302) expect(locationOf(answer)).toBe(queryOf(reached.url, 'returnUrl'));
    const { scopes, optionalScopes } = app.world.ctx.config.hubspot;
    expect(await portal(62516)).toMatchObject({
      state: 'active',
      appId: 193354,
      userId: expect.any(Number),
      ...nothingMore,
      scopes: [...scopes, ...optionalScopes],
    });
    expect((await app.world.api('GET', '/hubid/62516/contact/lars@second.example')).status).toBe(200);
  });

  it('fetches the account when neither the tokens nor the introspection name it', async () => {
    const added = await app.world.sandbox.control('portals', { from: 700_001, installed: true });
    const [{ accessToken, refreshToken }] = added.results;
    const body = { access_token: accessToken, refresh_token: refreshToken, expires_in: 1800 };
    const step = await failing('/oauth/*/token', { status: 200, body }, marketplaceCallback());
    const url = await failing('/oauth/*/introspect', { status: 503, times: 3 }, Promise.resolve(step));
    expect((await open(String(url))).status).toBe(302);
    expect(await portal(700_001)).toMatchObject({ state: 'active', userId: null, ...nothingMore });
  });
});
