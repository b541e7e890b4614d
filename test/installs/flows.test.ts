import { describe, expect, it } from '@jest/globals';
import {
  locationOf,
  open,
  queryOf,
  type Step,
  take,
  useInstallBrowser,
  withQuery,
} from './install-browser.ts';

const app = useInstallBrowser();
const { begin, failing, finalize, marketplaceCallback, ownCallback, portal, signIn, signInPage } = app;

describe('an install', () => {
  it('belongs to its portal alone', async () => {
    for (const portalId of [62515, 62516]) expect((await open(await ownCallback(portalId))).status).toBe(200);
    const contactOf = async (portalId: number) =>
      (await app.world.api('GET', `/hubid/${portalId}/contact/taro.yamada@example.com`)).status;
    expect([await contactOf(62515), await contactOf(62516)]).toEqual([200, 404]);
    expect((await app.world.api('DELETE', '/hubid/62516')).status).toBe(200);
    expect(await contactOf(62515)).toBe(200);
  });

  it('from our own link ends on a page that confirms it', async () => {
    const answer = await open(await ownCallback());
    expect(answer.status).toBe(200);
    expect(answer.get('cache-control')).toBe('no-store');
    expect(answer.get('referrer-policy')).toBe('no-referrer');
    expect(answer.get('Set-Cookie')).toBeUndefined();
    const text = answer.text;
    expect(text).toContain('<h1>The app is connected</h1>');
    expect(text).toContain('<strong>62515</strong>');
    expect(await portal(62515)).toMatchObject({
      state: 'active',
      appId: 193354,
      userId: 9586504,
      userEmail: 'admin@example.com',
      hubDomain: 'example.com',
      partnerUser: null,
    });
  });

  it('from our own link redirects to a returnUrl when it is given', async () => {
    const returnUrl = 'https://app.hubspot.com/integrations-settings/62515';
    const answer = await open(withQuery(await ownCallback(), { returnUrl }));
    expect([answer.status, locationOf(answer)]).toEqual([302, returnUrl]);
  });

  it('from HubSpot’s marketplace, with code and returnUrl but no state, redirects back to HubSpot', async () => {
    const url = await marketplaceCallback(62516);
    expect([...new URL(url).searchParams.keys()].sort()).toEqual(['code', 'returnUrl']);
    const answer = await open(url);
    expect([answer.status, locationOf(answer)]).toEqual([302, queryOf(url, 'returnUrl')]);
    const returned = await open(locationOf(answer));
    expect([returned.status, returned.text]).toEqual([200, expect.stringContaining('The app is installed')]);
    expect(await portal(62516)).toMatchObject({ state: 'active', partnerUser: null });
  });

  it('from the marketplace with a sign-in here ends at HubSpot, and stores the user’s name', async () => {
    const { url } = await app.world.sandbox.control('marketplace', { portalId: 62516, partnerSignIn: true });
    const page = await open(url);
    const [cookie = '', ...attributes] = String(page.get('Set-Cookie')).split('; ');
    expect(attributes).toEqual(expect.arrayContaining(['HttpOnly', 'Secure', 'SameSite=None', 'Path=/']));
    const [, token = ''] = /name="token" value="([^"]+)"/.exec(page.text) ?? [];
    const returnUrl = queryOf(url, 'returnUrl');

    const signedIn = await take(signIn({ returnUrl, cookie, token }, { user: ' Jane ' }));
    expect([signedIn.status, signedIn.get('cache-control')]).toEqual([303, 'no-store']);
    const back = new URL(locationOf(signedIn));
    expect(back.searchParams.get('state')).toMatch(/^[\w-]{43}$/);
    back.searchParams.delete('state');
    expect(back.href).toBe(returnUrl);

    const answer = await open(locationOf(await open(locationOf(signedIn))), { cookie });
    expect([answer.status, locationOf(answer)]).toEqual([302, returnUrl]);
    expect((await open(returnUrl)).text).toContain('The app is installed');
    expect(await portal(62516)).toMatchObject({ state: 'active', partnerUser: 'Jane' });
  });

  it('keeps the browser’s cookie when the sign-in page is opened again', async () => {
    const first = await signInPage();
    const { url } = await app.world.sandbox.control('marketplace', { portalId: 62515, partnerSignIn: true });
    const again = await open(url, { cookie: first.cookie });
    expect(String(again.get('Set-Cookie'))).toContain(first.cookie);
    expect(again.text).toContain(first.token);
  });

  it('starts when the callback is opened without parameters', async () => {
    const answer = await open(`${app.world.serverUrl}/oauth-callback`);
    expect([answer.status, new URL(locationOf(answer)).pathname]).toEqual([302, '/oauth/authorize']);
    const approved = await app.world.sandbox.decide(locationOf(answer), 'approve');
    expect((await open(approved)).status).toBe(200);
  });

  it('requests the scopes of the settings, encoded as HubSpot documents', async () => {
    const url = await begin();
    expect(url).toContain('scope=oauth%20crm.objects.contacts.read%20');
    const asked = Object.fromEntries(new URL(url).searchParams);
    expect(asked).toMatchObject({
      client_id: 'sandbox-client-id',
      redirect_uri: `${app.world.serverUrl}/oauth-callback`,
      state: expect.stringMatching(/^[\w-]{43}$/),
    });
    const { scopes, optionalScopes } = app.world.ctx.config.hubspot;
    expect(asked.scope?.split(' ')).toEqual(scopes);
    expect(asked.optional_scope?.split(' ')).toEqual(optionalScopes);
  });

  it('can name the account, so that HubSpot does not ask for it', async () => {
    const url = await begin('/install?portalId=62516');
    expect(new URL(url).pathname).toBe('/oauth/62516/authorize');
    const form = { ...Object.fromEntries(new URL(url).searchParams), decision: 'approve' };
    const approved = await take({ url: url.split('?', 1)[0] ?? '', form });
    const answer = await open(locationOf(approved));
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('62516')]);
  });

  it.each(['0', '062515', '0x10', '-1', '62515/..', '1e3', '9'.repeat(16), ''])(
    'does not start for the invalid account %p',
    async (portalId) => {
      const answer = await app.world.request('GET', `/install?portalId=${encodeURIComponent(portalId)}`);
      expect(answer.status).toBe(400);
    },
  );

  it('replaces the tokens of a connected portal, and stays the same install', async () => {
    expect((await open(await ownCallback())).status).toBe(200);
    const tokens = () => app.world.ctx.installs.tokenStore.find(app.world.ctx.pool, 62515);
    const before = await tokens();
    expect((await open(await marketplaceCallback())).status).toBe(302);
    const after = await tokens();
    expect(after?.accessToken).not.toBe(before?.accessToken);
    expect(after?.refreshToken).not.toBe(before?.refreshToken);
    expect(after?.tokenVersion).toBe((before?.tokenVersion ?? 0) + 1);
    expect(after?.installId).toBe(before?.installId);
    const history = await app.world.ctx.services.installs.history(62515);
    expect(history.at(-1)).toMatchObject({
      fromState: 'active',
      toState: 'active',
      reason: 'consented again',
      routine: false,
      installId: before?.installId,
    });
  });

  it('keeps the user who connected the portal', async () => {
    await take(await finalize(62516));
    expect((await open(await ownCallback(62516))).status).toBe(200);
    expect(await portal(62516)).toMatchObject({ partnerUser: 'Jane' });
    await app.world.api('DELETE', '/hubid/62516');
    expect((await open(await ownCallback(62516))).status).toBe(200);
    expect(await portal(62516)).toMatchObject({ partnerUser: null });
  });

  it.each([
    { what: 'nothing but that the token lives', info: { active: true } },
    { what: 'nothing', info: {} },
    { what: 'no body', info: '' },
    {
      what: 'null for what it does not know',
      info: { active: true, hub_id: null, user_id: null, user: null, hub_domain: null, scopes: null },
    },
    { what: 'other types', info: { active: true, hub_id: '62516', user_id: 'x', user: 7, scopes: 'oauth' } },
  ])('is stored with the data of the token answer when the introspection returns $what', async ({ info }) => {
    const url = await failing('/oauth/*/introspect', { status: 200, body: info }, ownCallback(62516));
    expect((await open(String(url))).status).toBe(200);
    const { scopes, optionalScopes } = app.world.ctx.config.hubspot;
    expect(await portal(62516)).toMatchObject({
      state: 'active',
      appId: 193354,
      userId: expect.any(Number),
      userEmail: null,
      hubDomain: null,
      scopes: [...scopes, ...optionalScopes],
    });
  });

  it('is stored without characters that PostgreSQL cannot store', async () => {
    const info = { active: true, hub_id: 62516, hub_domain: 'a\0b.example\ud800', scopes: ['oauth\0'] };
    const url = await failing('/oauth/*/introspect', { status: 200, body: info }, ownCallback(62516));
    expect((await open(String(url))).status).toBe(200);
    expect(await portal(62516)).toMatchObject({ hubDomain: 'ab.example\ufffd', scopes: ['oauth'] });
  });

  it('does not disturb other installs in the same browser', async () => {
    const [first, second] = [await begin(), await begin()];
    const partner = await finalize(62516);
    expect(queryOf(first, 'state')).not.toBe(queryOf(second, 'state'));
    const callbacks = [
      await app.world.sandbox.decide(second, 'approve', 62516),
      await app.world.sandbox.decide(first, 'approve', 62515),
    ];
    for (const url of callbacks) expect((await open(url)).status).toBe(200);
    expect((await take(partner)).status).toBe(302);
  });

  it.each([
    { what: 'our own', step: async (): Promise<Step> => ({ url: await ownCallback() }), done: 200 },
    { what: 'the partner', step: finalize, done: 302 },
  ])(
    'is finished once when its callback is opened three times at once ($what flow)',
    async ({ step, done }) => {
      const callbackStep = await step();
      const statuses = await Promise.all([1, 2, 3].map(async () => (await take(callbackStep)).status));
      expect(statuses.sort()).toEqual([done, 409, 409].sort());
    },
  );
});
