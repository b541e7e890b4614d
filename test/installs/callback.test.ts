import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createApp } from '../../app/app.ts';
import { createContext } from '../../app/context.ts';
import { listen } from '../../app/http/listen.ts';
import { createMemoryLog } from '../helpers/memory-log.ts';
import { between } from '../helpers/sandbox-client.ts';
import { API_KEY } from '../helpers/settings.ts';
import { startWorld, type World } from '../helpers/world.ts';

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const MINUTE = 60 * 1000;
const ATTACK = '"><img src=x onerror=alert(1)><script>alert(2)</script>';
const ELSEWHERE = 'https://hubspot.com.evil.example/';

/** What a browser does next: opens an address, or sends a form. */
interface Step {
  readonly url: string;
  readonly init?: RequestInit;
}

const log = createMemoryLog();
let world: World;
let ahead = 0;
beforeAll(async () => {
  world = await startWorld({ clock: { now: () => Date.now() + ahead }, logger: log.logger });
});
afterEach(() => {
  ahead = 0;
});
afterAll(() => world.close());

const open = (url: string, headers: Record<string, string> = {}) =>
  fetch(url, { redirect: 'manual', headers: { ...BROWSER, ...headers } });
const locationOf = (answer: Response) => answer.headers.get('location') ?? '';
const callback = (query: Record<string, string>) =>
  `${world.serverUrl}/oauth-callback?${new URLSearchParams(query)}`;

function withQuery(url: string, changes: Record<string, string | undefined>): string {
  const changed = new URL(url);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) changed.searchParams.delete(name);
    else changed.searchParams.set(name, value);
  }
  return changed.href;
}

const queryOf = (url: string, name: string) => new URL(url).searchParams.get(name) ?? '';

/** Our own flow: HubSpot's authorize URL. */
async function begin(path = '/install'): Promise<string> {
  const answer = await open(world.serverUrl + path);
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([302, 'no-store']);
  return locationOf(answer);
}

/** Our own flow up to the address that HubSpot sends the browser back to. */
const ownCallback = async (portalId = 62515) => world.sandbox.decide(await begin(), 'approve', portalId);

/** An install that the marketplace began, up to our address that takes the code. */
async function marketplaceCallback(portalId = 62515): Promise<string> {
  return (await world.sandbox.control('marketplace', { portalId })).url;
}

interface SignIn {
  readonly returnUrl: string;
  readonly cookie: string;
  readonly token: string;
}

/** The marketplace with our sign-in between, up to our page. */
async function signInPage(portalId = 62515): Promise<SignIn> {
  const { url } = await world.sandbox.control('marketplace', { portalId, partnerSignIn: true });
  const page = await open(url);
  expect(page.status).toBe(200);
  const [cookie = ''] = (page.headers.get('set-cookie') ?? '').split(';');
  const [, token = ''] = /name="token" value="([^"]+)"/.exec(await page.text()) ?? [];
  return { returnUrl: queryOf(url, 'returnUrl'), cookie, token };
}

function signIn({ returnUrl, cookie, token }: SignIn, form: Record<string, string> = {}): Step {
  return {
    url: `${world.serverUrl}/partner-sign-in`,
    init: {
      method: 'POST',
      headers: { cookie },
      body: new URLSearchParams({ returnUrl, token, user: 'Jane', key: API_KEY, ...form }),
    },
  };
}

const take = ({ url, init }: Step, headers: Record<string, string> = BROWSER) =>
  fetch(url, { redirect: 'manual', ...init, headers: { ...headers, ...(init?.headers as object) } });

/** The partner flow up to our address that takes the code. */
async function finalize(portalId = 62515): Promise<Step> {
  const page = await signInPage(portalId);
  const signedIn = await take(signIn(page));
  expect(signedIn.status).toBe(303);
  const url = locationOf(await open(locationOf(signedIn)));
  expect(queryOf(url, 'step')).toBe('finalize');
  return { url, init: { headers: { cookie: page.cookie } } };
}

const changed = (step: Step, changes: Record<string, string | undefined>): Step => ({
  ...step,
  url: withQuery(step.url, changes),
});

async function portal(portalId: number) {
  return world.ctx.installs.store.find(world.ctx.pool, portalId);
}

/** What an install that fails must not change. */
async function stored() {
  const { rows: installs } = await world.ctx.pool.query('select * from installs order by portal_id');
  const { rows: history } = await world.ctx.pool.query('select count(*) from install_history');
  return { installs, history };
}

describe('an install', () => {
  it('belongs to its portal alone', async () => {
    for (const portalId of [62515, 62516]) expect((await open(await ownCallback(portalId))).status).toBe(200);
    const contactOf = async (portalId: number) =>
      (await world.api('GET', `/hubid/${portalId}/contact/taro.yamada@example.com`)).status;
    expect([await contactOf(62515), await contactOf(62516)]).toEqual([200, 404]);
    expect((await world.api('DELETE', '/hubid/62516')).status).toBe(200);
    expect(await contactOf(62515)).toBe(200);
  });

  it('from our own link ends on a page that says so', async () => {
    const answer = await open(await ownCallback());
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    expect(answer.headers.get('set-cookie')).toBeNull();
    const text = await answer.text();
    expect(text).toContain('<h1>The app is connected</h1>');
    expect(text).toContain('<strong>62515</strong>');
    expect(await portal(62515)).toMatchObject({
      ...{ state: 'active', appId: 193354, userId: 9586504, userEmail: 'admin@example.com' },
      ...{ hubDomain: 'example.com', partnerUser: null },
    });
  });

  it('from our own link that comes with a returnUrl goes back there', async () => {
    const returnUrl = 'https://app.hubspot.com/integrations-settings/62515';
    const answer = await open(withQuery(await ownCallback(), { returnUrl }));
    expect([answer.status, locationOf(answer)]).toEqual([302, returnUrl]);
  });

  it('from HubSpot’s marketplace, with code and returnUrl and no state, goes back to HubSpot', async () => {
    const url = await marketplaceCallback(62516);
    expect([...new URL(url).searchParams.keys()].sort()).toEqual(['code', 'returnUrl']);
    const answer = await open(url);
    expect([answer.status, locationOf(answer)]).toEqual([302, queryOf(url, 'returnUrl')]);
    const returned = await open(locationOf(answer));
    expect([returned.status, await returned.text()]).toEqual([
      200,
      expect.stringContaining('The app is installed'),
    ]);
    expect(await portal(62516)).toMatchObject({ state: 'active', partnerUser: null });
  });

  it('from the marketplace with a sign-in here ends at HubSpot, and is known under the user’s name', async () => {
    const { url } = await world.sandbox.control('marketplace', { portalId: 62516, partnerSignIn: true });
    const page = await open(url);
    const [cookie = '', ...attributes] = (page.headers.get('set-cookie') ?? '').split('; ');
    expect(attributes).toEqual(expect.arrayContaining(['HttpOnly', 'Secure', 'SameSite=None', 'Path=/']));
    const [, token = ''] = /name="token" value="([^"]+)"/.exec(await page.text()) ?? [];
    const returnUrl = queryOf(url, 'returnUrl');

    const signedIn = await take(signIn({ returnUrl, cookie, token }, { user: ' Jane ' }));
    expect([signedIn.status, signedIn.headers.get('cache-control')]).toEqual([303, 'no-store']);
    const back = new URL(locationOf(signedIn));
    expect(back.searchParams.get('state')).toMatch(/^[\w-]{43}$/);
    back.searchParams.delete('state');
    expect(back.href).toBe(returnUrl);

    const answer = await open(locationOf(await open(locationOf(signedIn))), { cookie });
    expect([answer.status, locationOf(answer)]).toEqual([302, returnUrl]);
    expect(await (await open(returnUrl)).text()).toContain('The app is installed');
    expect(await portal(62516)).toMatchObject({ state: 'active', partnerUser: 'Jane' });
  });

  it('keeps the browser’s name when the sign-in page is opened again', async () => {
    const first = await signInPage();
    const { url } = await world.sandbox.control('marketplace', { portalId: 62515, partnerSignIn: true });
    const again = await open(url, { cookie: first.cookie });
    expect(again.headers.get('set-cookie')).toContain(first.cookie);
    expect(await again.text()).toContain(first.token);
  });

  it('of which the redirect address is opened bare starts our own flow', async () => {
    const answer = await open(`${world.serverUrl}/oauth-callback`);
    expect([answer.status, new URL(locationOf(answer)).pathname]).toEqual([302, '/oauth/authorize']);
    const approved = await world.sandbox.decide(locationOf(answer), 'approve');
    expect((await open(approved)).status).toBe(200);
  });

  it('asks for the scopes of the settings, in HubSpot’s spelling', async () => {
    const url = await begin();
    expect(url).toContain('scope=oauth%20crm.objects.contacts.read%20');
    const asked = Object.fromEntries(new URL(url).searchParams);
    expect(asked).toMatchObject({
      client_id: 'sandbox-client-id',
      redirect_uri: `${world.serverUrl}/oauth-callback`,
      state: expect.stringMatching(/^[\w-]{43}$/),
    });
    const { scopes, optionalScopes } = world.ctx.config.hubspot;
    expect(asked.scope?.split(' ')).toEqual(scopes);
    expect(asked.optional_scope?.split(' ')).toEqual(optionalScopes);
  });

  it('can be for one account, which HubSpot then does not ask for', async () => {
    const url = await begin('/install?portalId=62516');
    expect(new URL(url).pathname).toBe('/oauth/62516/authorize');
    const form = new URLSearchParams(new URL(url).search);
    form.set('decision', 'approve');
    const approved = await fetch(url.split('?', 1)[0] ?? '', {
      method: 'POST',
      body: form,
      redirect: 'manual',
    });
    const answer = await open(locationOf(approved));
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('62516')]);
  });

  it.each(['0', '062515', '0x10', '-1', '62515/..', '1e3', '9'.repeat(16), ''])(
    'for the account %p is not begun',
    async (portalId) => {
      const answer = await world.app(`/install?portalId=${encodeURIComponent(portalId)}`);
      expect(answer.status).toBe(400);
    },
  );

  it('over one that lives overwrites its tokens, and is the same install', async () => {
    expect((await open(await ownCallback())).status).toBe(200);
    const tokens = () => world.ctx.installs.tokenStore.find(world.ctx.pool, 62515);
    const before = await tokens();
    expect((await open(await marketplaceCallback())).status).toBe(302);
    const after = await tokens();
    expect(after?.accessToken).not.toBe(before?.accessToken);
    expect(after?.refreshToken).not.toBe(before?.refreshToken);
    expect(after?.tokenVersion).toBe((before?.tokenVersion ?? 0) + 1);
    expect(after?.installId).toBe(before?.installId);
    const history = await world.ctx.services.installs.history(62515);
    expect(history.at(-1)).toMatchObject({
      ...{ fromState: 'active', toState: 'active', reason: 'consented again', routine: false },
      installId: before?.installId,
    });
  });

  it('over one that lives keeps the user who connected it', async () => {
    await take(await finalize(62516));
    expect((await open(await ownCallback(62516))).status).toBe(200);
    expect(await portal(62516)).toMatchObject({ partnerUser: 'Jane' });
    await world.api('DELETE', '/hubid/62516');
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
  ])('is stored with what the token’s answer says when the introspection says $what', async ({ info }) => {
    const url = await failing('/oauth/*/introspect', { status: 200, body: info }, ownCallback(62516));
    expect((await open(String(url))).status).toBe(200);
    const { scopes, optionalScopes } = world.ctx.config.hubspot;
    expect(await portal(62516)).toMatchObject({
      ...{ state: 'active', appId: 193354, userId: expect.any(Number), userEmail: null, hubDomain: null },
      scopes: [...scopes, ...optionalScopes],
    });
  });

  it('of which HubSpot says something that PostgreSQL cannot store is stored without that', async () => {
    const info = { active: true, hub_id: 62516, hub_domain: 'a\0b.example\ud800', scopes: ['oauth\0'] };
    const url = await failing('/oauth/*/introspect', { status: 200, body: info }, ownCallback(62516));
    expect((await open(String(url))).status).toBe(200);
    expect(await portal(62516)).toMatchObject({ hubDomain: 'ab.example\ufffd', scopes: ['oauth'] });
  });

  it('does not disturb others under way in the same browser', async () => {
    const [first, second] = [await begin(), await begin()];
    const partner = await finalize(62516);
    expect(queryOf(first, 'state')).not.toBe(queryOf(second, 'state'));
    const callbacks = [
      await world.sandbox.decide(second, 'approve', 62516),
      await world.sandbox.decide(first, 'approve', 62515),
    ];
    for (const url of callbacks) expect((await open(url)).status).toBe(200);
    expect((await take(partner)).status).toBe(302);
  });

  it.each([
    { what: 'our own', step: async (): Promise<Step> => ({ url: await ownCallback() }), done: 200 },
    { what: 'the partner', step: finalize, done: 302 },
  ])('opened three times in the same moment is finished once ($what flow)', async ({ step, done }) => {
    const callbackStep = await step();
    const statuses = await Promise.all([1, 2, 3].map(async () => (await take(callbackStep)).status));
    expect(statuses.sort()).toEqual([done, 409, 409].sort());
  });
});

interface Failure {
  readonly what: string;
  /** Does all but the last step. */
  readonly reach: () => Promise<Step | string>;
  readonly status: number;
  readonly code: string;
  readonly heading: string;
  /** True when another install would meet the same. */
  readonly forGood?: boolean;
}

const NOT_STARTED = { status: 400, code: 'state_unknown', heading: 'This install was not started here' };
const UNASKED = { status: 400, code: 'callback_unasked', heading: 'This install was not started here' };
const INCOMPLETE = { status: 400, code: 'callback_incomplete', heading: 'The install was not finished' };
const TOO_LATE = { status: 410, code: 'state_expired', heading: 'The install took too long' };
const FINISHED = { status: 409, code: 'state_used', heading: 'This install is finished already' };
const BAD_CODE = { status: 400, code: 'code_refused', heading: 'HubSpot does not accept the code' };
const NO_WAY_BACK = { status: 400, code: 'return_url_refused', heading: 'The way back is not HubSpot’s' };
const DOWN = { status: 502, code: 'hubspot_unavailable', heading: 'HubSpot is not answering' };
const HALF = { status: 502, code: 'hubspot_incomplete', heading: 'HubSpot’s answer could not be read' };
const REFUSED = { status: 400, code: 'install_refused', heading: 'HubSpot ended the install' };
const NO_SCOPES = {
  ...{ status: 403, code: 'scopes_refused', forGood: true },
  heading: 'HubSpot did not grant what this app needs',
};
const APP_REFUSED = {
  ...{ status: 400, code: 'app_refused', forGood: true },
  heading: 'HubSpot does not accept this app',
};
const LACKS_SCOPES =
  'Authorization failed because your account lacks access to the required scopes [tickets]';
const WRONG_APP = {
  ...{ status: 502, code: 'app_misconfigured' },
  heading: 'This app is not set up correctly',
};

const stateOf = async () => ({ state: queryOf(await begin(), 'state') });
const late = async (step: Step): Promise<Step> => {
  ahead = 10 * MINUTE + 1;
  return step;
};
const failing = async (path: string, failure: Record<string, unknown>, step: Promise<Step | string>) => {
  const reached = await step;
  await world.sandbox.control('failures', { path, ...failure });
  return reached;
};
const badClient = (status: string, error = 'invalid_client') => ({
  status: 400,
  body: { error, error_description: 'no', status, message: 'no' },
});

const failures: Failure[] = [
  {
    ...{ what: 'the user declines', status: 403, code: 'access_denied', heading: 'The install was declined' },
    reach: async () => world.sandbox.decide(await begin(), 'deny'),
  },
  {
    ...{ what: 'HubSpot ends it with an error of its own', ...REFUSED },
    reach: async () => callback({ error: 'server_error', error_description: ATTACK, ...(await stateOf()) }),
  },
  {
    ...{ what: 'the account has no access to the scopes', ...NO_SCOPES },
    reach: async () =>
      callback({ error: 'invalid_scope', error_description: LACKS_SCOPES, ...(await stateOf()) }),
  },
  {
    ...{ what: 'the scopes stand in the description alone', ...NO_SCOPES },
    reach: async () =>
      callback({ error: 'access_denied', error_description: LACKS_SCOPES, ...(await stateOf()) }),
  },
  {
    ...{ what: 'the marketplace says that the account has no access to the scopes', ...NO_SCOPES },
    reach: async () =>
      callback({ error: 'invalid_scope', returnUrl: 'https://app.hubspot.com/integrations' }),
  },
  {
    ...{ what: 'HubSpot does not know the app', ...APP_REFUSED },
    reach: async () => callback({ error: 'unauthorized_client', ...(await stateOf()) }),
  },
  {
    ...{ what: 'the account has no access to the scopes, and the state is not ours', ...NOT_STARTED },
    forGood: true,
    reach: async () =>
      callback({ error: 'invalid_scope', error_description: LACKS_SCOPES, state: 'made-up-state' }),
  },
  {
    ...{ what: 'an error comes ten minutes later', ...TOO_LATE },
    reach: async () => late({ url: callback({ error: 'access_denied', ...(await stateOf()) }) }),
  },
  {
    ...{ what: 'an error comes without a state', ...REFUSED },
    reach: async () => callback({ error: ATTACK }),
  },
  {
    ...{ what: 'an error comes with a state that is not ours', ...NOT_STARTED },
    reach: async () => callback({ error: 'access_denied', state: 'made-up-state' }),
  },
  {
    ...{ what: 'an error comes after the install was finished', ...FINISHED },
    reach: async () => {
      const url = await ownCallback();
      expect((await open(url)).status).toBe(200);
      return callback({ error: 'access_denied', state: queryOf(url, 'state') });
    },
  },
  {
    ...{ what: 'the user declines after the sign-in', status: 403, code: 'access_denied' },
    heading: 'The install was declined',
    reach: async () => changed(await finalize(), { code: undefined, error: 'access_denied' }),
  },
  {
    ...{ what: 'HubSpot ends it with an error of its own after the sign-in', ...REFUSED },
    reach: async () => changed(await finalize(), { code: undefined, step: undefined, error: 'server_error' }),
  },
  {
    ...{ what: 'the user declines after the sign-in, having approved before', ...FINISHED },
    reach: async () => {
      const approved = await finalize();
      expect((await take(approved)).status).toBe(302);
      return changed(approved, { code: undefined, error: 'access_denied' });
    },
  },
  {
    ...{ what: 'a code comes with neither state nor returnUrl', ...UNASKED },
    reach: async () => withQuery(await ownCallback(), { state: undefined }),
  },
  {
    ...{ what: 'a code of the marketplace comes without its returnUrl', ...UNASKED },
    reach: async () => withQuery(await marketplaceCallback(), { returnUrl: undefined }),
  },
  {
    ...{ what: 'the state comes twice in one address', ...UNASKED },
    reach: async () => `${await ownCallback()}&state=made-up-state`,
  },
  {
    ...{ what: 'the code comes twice in one address', ...INCOMPLETE },
    reach: async () => `${await ownCallback()}&code=made-up-code`,
  },
  { ...{ what: 'there is no code', ...INCOMPLETE }, reach: async () => callback(await stateOf()) },
  {
    ...{ what: 'the code is empty', ...INCOMPLETE },
    reach: async () => callback({ code: '', ...(await stateOf()) }),
  },
  {
    ...{ what: 'there is nothing but the way back', ...INCOMPLETE },
    reach: async () => callback({ returnUrl: 'https://app.hubspot.com/' }),
  },
  {
    ...{ what: 'the address carries something else', ...INCOMPLETE },
    reach: async () => callback({ utm_source: ATTACK }),
  },
  {
    ...{ what: 'the state is made up', ...NOT_STARTED },
    reach: async () => withQuery(await ownCallback(), { state: ATTACK }),
  },
  {
    ...{ what: 'the state is of the partner flow', ...NOT_STARTED },
    reach: async () => changed(await finalize(), { step: undefined, returnUrl: undefined }),
  },
  {
    ...{ what: 'it took more than ten minutes', ...TOO_LATE },
    reach: async () => late({ url: await ownCallback() }),
  },
  {
    ...{ what: 'it is opened a second time', ...FINISHED },
    reach: async () => {
      const url = await ownCallback();
      expect((await open(url)).status).toBe(200);
      return url;
    },
  },
  {
    ...{ what: 'the code was used before', ...BAD_CODE },
    reach: async () => {
      const used = await ownCallback();
      expect((await open(used)).status).toBe(200);
      return withQuery(await ownCallback(), { code: queryOf(used, 'code') });
    },
  },
  {
    ...{ what: 'the code is unknown', ...BAD_CODE },
    reach: async () => withQuery(await ownCallback(), { code: `made-up-code-${ATTACK}` }),
  },
  {
    ...{ what: 'the code came too late', ...BAD_CODE },
    reach: async () => {
      const url = await ownCallback();
      await world.sandbox.control('clock', { advanceSeconds: 301 });
      return url;
    },
  },
  {
    ...{ what: 'a code of the marketplace is used twice', ...BAD_CODE },
    reach: async () => {
      const url = await marketplaceCallback();
      expect((await open(url)).status).toBe(302);
      return url;
    },
  },
  {
    ...{ what: 'our own flow comes with a way back that is not HubSpot’s', ...NO_WAY_BACK },
    reach: async () => withQuery(await ownCallback(), { returnUrl: ELSEWHERE }),
  },
  {
    ...{ what: 'the marketplace comes with a way back that is not HubSpot’s', ...NO_WAY_BACK },
    reach: async () => withQuery(await marketplaceCallback(), { returnUrl: ELSEWHERE }),
  },
  {
    ...{ what: 'the sign-in is asked for with a way back that is not HubSpot’s', ...NO_WAY_BACK },
    reach: async () => callback({ step: 'authorize', returnUrl: ELSEWHERE }),
  },
  {
    ...{ what: 'the sign-in is asked for with no way back', ...INCOMPLETE },
    reach: async () => callback({ step: 'authorize' }),
  },
  {
    ...{ what: 'the step is none that HubSpot documents', ...INCOMPLETE },
    reach: async () => changed(await finalize(), { step: 'dance' }),
  },
  ...['code', 'state', 'returnUrl'].map((name) => ({
    ...{ what: `the last step comes without its ${name}`, ...INCOMPLETE },
    reach: async () => changed(await finalize(), { [name]: undefined }),
  })),
  {
    ...{ what: 'the last step comes with a way back that is not HubSpot’s', ...NO_WAY_BACK },
    reach: async () => changed(await finalize(), { returnUrl: ELSEWHERE }),
  },
  {
    ...{ what: 'the last step comes with a state of our own flow', ...NOT_STARTED },
    reach: async () => changed(await finalize(), await stateOf()),
  },
  {
    ...{ what: 'the last step comes in a browser without the cookie', ...NOT_STARTED },
    reach: async () => (await finalize()).url,
  },
  {
    ...{ what: 'the last step comes in the browser of somebody else', ...NOT_STARTED },
    reach: async () => {
      const { cookie } = await signInPage();
      return { url: (await finalize()).url, init: { headers: { cookie } } };
    },
  },
  {
    ...{ what: 'the last step comes with a cookie that is not ours', ...NOT_STARTED },
    reach: async () => ({
      ...(await finalize()),
      init: { headers: { cookie: 'partner_flow=x; other=1;;=' } },
    }),
  },
  {
    ...{ what: 'the last step comes after more than ten minutes', ...TOO_LATE },
    reach: async () => late(await finalize()),
  },
  {
    ...{ what: 'the last step comes twice', ...FINISHED },
    reach: async () => {
      const step = await finalize();
      expect((await take(step)).status).toBe(302);
      return step;
    },
  },
  {
    ...{ what: 'the last step comes with a code that is unknown', ...BAD_CODE },
    reach: async () => changed(await finalize(), { code: 'made-up-code' }),
  },
  {
    ...{ what: 'the sign-in form comes without the cookie', ...NOT_STARTED },
    reach: async () => signIn({ ...(await signInPage()), cookie: '' }),
  },
  {
    ...{ what: 'the sign-in form is forged', ...NOT_STARTED },
    reach: async () => signIn(await signInPage(), { token: 'x'.repeat(43) }),
  },
  {
    ...{ what: 'the sign-in form is of another browser', ...NOT_STARTED },
    reach: async () => signIn(await signInPage(), { token: (await signInPage()).token }),
  },
  {
    ...{ what: 'the sign-in form has a way back that is not HubSpot’s', ...NO_WAY_BACK },
    reach: async () => signIn(await signInPage(), { returnUrl: ELSEWHERE }),
  },
  ...[
    { what: 'does not exchange codes', ...{ status: 500 } },
    { what: 'is over its limit, and stays so', ...{ status: 429, times: 3 } },
    { what: 'is over its limit for a minute', ...{ status: 429, headers: { 'retry-after': '60' } } },
    { what: 'has a proxy without HubSpot behind it', ...{ status: 502 } },
    { what: 'has a proxy that waits in vain', ...{ status: 504 } },
    { what: 'closes the connection', ...{ status: 0 } },
    { what: 'answers with a page', ...{ status: 200, body: '<html>Maintenance</html>' } },
    { what: 'answers with nothing', ...{ status: 200 } },
    { what: 'is behind a firewall that says no', ...{ status: 403, body: '<html>Blocked</html>' } },
  ].map(({ what, ...failure }) => ({
    ...{ what: `HubSpot ${what}`, ...DOWN },
    reach: () => failing('/oauth/*/token', failure, ownCallback()),
  })),
  {
    ...{ what: 'HubSpot is down while the marketplace waits', ...DOWN },
    reach: () => failing('/oauth/*/token', { status: 503 }, marketplaceCallback()),
  },
  {
    ...{ what: 'HubSpot is down at the last step', ...DOWN },
    reach: () => failing('/oauth/*/token', { status: 503 }, finalize()),
  },
  {
    ...{ what: 'HubSpot nowhere says whose token it is', ...DOWN },
    reach: async () => {
      const body = { access_token: 'x', refresh_token: 'y', token_type: 'bearer', expires_in: 1800 };
      const step = await failing('/oauth/*/token', { status: 200, body }, ownCallback());
      return failing('/oauth/*/introspect', { status: 503, times: 3 }, Promise.resolve(step));
    },
  },
  {
    ...{ what: 'HubSpot calls the token dead at once', ...HALF },
    reach: () => failing('/oauth/*/introspect', { status: 200, body: { active: false } }, ownCallback()),
  },
  ...[{ active: true }, { active: true, hub_id: null }, { active: true, hub_id: 'x' }, 'null', [], ''].map(
    (info) => ({
      ...{ what: `HubSpot nowhere says which account it is (${JSON.stringify(info)})`, ...HALF },
      reach: async () => {
        const body = { access_token: 'x', refresh_token: 'y', token_type: 'bearer', expires_in: 1800 };
        const step = await failing('/oauth/*/token', { status: 200, body }, ownCallback());
        return failing('/oauth/*/introspect', { status: 200, body: info }, Promise.resolve(step));
      },
    }),
  ),
  {
    ...{ what: 'HubSpot gives no refresh token', ...HALF },
    reach: async () => {
      const body = { access_token: 'x', token_type: 'bearer', expires_in: 1800 };
      const step = await failing('/oauth/*/token', { status: 200, body }, ownCallback());
      const info = { active: true, hub_id: 62515 };
      return failing('/oauth/*/introspect', { status: 200, body: info }, Promise.resolve(step));
    },
  },
  ...[
    { what: 'BAD_SCOPES', failure: badClient('BAD_SCOPES', 'invalid_scope') },
    { what: '403 BANNED', failure: { status: 403, body: { status: 'error', category: 'BANNED' } } },
  ].map(({ what, failure }) => ({
    ...{ what: `HubSpot refuses this one (${what})`, ...REFUSED },
    reach: () => failing('/oauth/*/token', failure, ownCallback()),
  })),
  ...['BAD_CLIENT_ID', 'BAD_CLIENT_SECRET'].map((status) => ({
    ...{ what: `HubSpot says ${status}`, ...WRONG_APP },
    reach: () => failing('/oauth/*/token', badClient(status), ownCallback()),
  })),
  {
    ...{ what: 'HubSpot says BAD_REDIRECT_URI', ...WRONG_APP },
    reach: () => failing('/oauth/*/token', badClient('BAD_REDIRECT_URI', 'invalid_grant'), ownCallback()),
  },
];

describe.each(failures)('an install in which $what', ({ reach, status, code, heading, forGood = false }) => {
  const reached = async (): Promise<Step> => {
    const step = await reach();
    return typeof step === 'string' ? { url: step } : step;
  };

  it(`ends with ${status} and a page that says so, and whether starting again helps`, async () => {
    const step = await reached();
    const before = await stored();
    const answer = await take(step);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const text = await answer.text();
    expect(text).toContain(`<h1>${heading}</h1>`);
    expect(text).toContain(`<title>${heading}</title>`);
    expect(text.includes('<a role="button" href="/install">Start again</a>')).toBe(!forGood);
    expect(text.includes('Starting again does not help')).toBe(forGood);
    expect(text).toContain(answer.headers.get('x-request-id'));
    expect(text).not.toMatch(/<script>alert|<img src=x/);
    expectNothingRepeated(text, step.url);
    expect(await stored()).toEqual(before);
  });

  it(`ends with ${code} in JSON for a program`, async () => {
    const step = await reached();
    const answer = await take(step, {});
    const body = (await answer.json()) as { error: Record<string, string> };
    expect([answer.status, body.error.code]).toEqual([status, code]);
    expect(body.error.requestId).toBe(answer.headers.get('x-request-id'));
    expectNothingRepeated(JSON.stringify(body), step.url);
  });
});

/** Nothing but HubSpot's reason comes back in the answer: no code or state that could be read on. */
function expectNothingRepeated(text: string, url: string) {
  for (const [name, value] of new URL(url).searchParams) {
    if (value.length > 6 && !name.startsWith('error')) expect(text).not.toContain(value);
  }
}

describe('an install that meets passing trouble at HubSpot', () => {
  const asked = async (path: string): Promise<number> =>
    (await world.sandbox.read(`requests?path=${path}`)).results.length;
  const WAYS = [
    { way: 'our own link', step: async (): Promise<Step> => ({ url: await ownCallback(62516) }), done: 200 },
    {
      ...{ way: 'the marketplace', done: 302 },
      step: async (): Promise<Step> => ({ url: await marketplaceCallback(62516) }),
    },
    { way: 'the marketplace with a sign-in', step: () => finalize(62516), done: 302 },
  ];
  const nothingMore = { userEmail: null, hubDomain: null };
  beforeEach(async () => {
    await world.api('DELETE', '/hubid/62516?local=true');
  });

  it.each([423, 429, 477, 488].flatMap((status) => WAYS.map((way) => ({ status, ...way }))))(
    'tries the code again after $status: from $way',
    async ({ status, step, done }) => {
      const reached = await step();
      const before = await asked('/oauth/*/token');
      await world.sandbox.control('failures', { path: '/oauth/*/token', status });
      const answer = await take(reached);
      expect([answer.status, await asked('/oauth/*/token')]).toEqual([done, before + 2]);
      if (done === 302) expect(locationOf(answer)).toBe(queryOf(reached.url, 'returnUrl'));
      expect(await portal(62516)).toMatchObject({ state: 'active', userEmail: 'owner@second.example' });
    },
  );

  it.each([0, 500, 503, 504])('does not try the code again when it may be used up (%i)', async (status) => {
    const url = await ownCallback();
    const before = await asked('/oauth/*/token');
    await world.sandbox.control('failures', { path: '/oauth/*/token', status });
    expect([(await open(url)).status, await asked('/oauth/*/token')]).toEqual([502, before + 1]);
    expect((await open(url)).status).toBe(200);
  });

  it('waits as long as HubSpot asks for', async () => {
    const url = await ownCallback();
    const headers = { 'retry-after': '1' };
    await world.sandbox.control('failures', { path: '/oauth/*/token', status: 429, headers });
    expect((await open(url)).status).toBe(200);
    const { results } = await world.sandbox.read('requests?path=/oauth/*/token');
    expect(between(results.at(-2), results.at(-1))).toBeGreaterThanOrEqual(950);
  });

  it.each([0, 423, 429, 477, 488, 500, 502, 503])('asks again whose tokens came after %i', async (status) => {
    const url = await ownCallback(62516);
    const exchanges = await asked('/oauth/*/token');
    await world.sandbox.control('failures', { path: '/oauth/*/introspect', status });
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
  )('keeps the tokens that came when the introspection gives $what: from $way', async (row) => {
    const { step, failure, done } = row;
    const reached = await step();
    await world.sandbox.control('failures', { path: '/oauth/*/introspect', ...failure });
    const answer = await take(reached);
    expect(answer.status).toBe(done);
    if (done === 302) expect(locationOf(answer)).toBe(queryOf(reached.url, 'returnUrl'));
    const { scopes, optionalScopes } = world.ctx.config.hubspot;
    expect(await portal(62516)).toMatchObject({
      ...{ state: 'active', appId: 193354, userId: expect.any(Number), ...nothingMore },
      scopes: [...scopes, ...optionalScopes],
    });
    expect((await world.api('GET', '/hubid/62516/contact/lars@second.example')).status).toBe(200);
  });

  it('asks for the account when neither the tokens nor the introspection name it', async () => {
    const added = await world.sandbox.control('portals', { from: 700_001, installed: true });
    const [{ accessToken, refreshToken }] = added.results;
    const body = { access_token: accessToken, refresh_token: refreshToken, expires_in: 1800 };
    const step = await failing('/oauth/*/token', { status: 200, body }, marketplaceCallback());
    const url = await failing('/oauth/*/introspect', { status: 503, times: 3 }, Promise.resolve(step));
    expect((await open(String(url))).status).toBe(302);
    expect(await portal(700_001)).toMatchObject({ state: 'active', userId: null, ...nothingMore });
  });
});

describe('the error with which HubSpot sends the browser back', () => {
  const lines = () => log.lines.filter(({ msg }) => msg === 'HubSpot ended an install with an error');
  const shown = async (url: string) => {
    const text = await (await open(url)).text();
    return /Reason given: “(.*?)”/.exec(text)?.[1];
  };

  it.each<{ what: string; query: () => Promise<Record<string, string>> }>([
    { what: 'with a state of ours', query: stateOf },
    { what: 'with a state that is not ours', query: async () => ({ state: 'made-up-state' }) },
    { what: 'with no state', query: async () => ({}) },
    {
      what: 'from the marketplace',
      query: async () => ({ returnUrl: 'https://app.hubspot.com/integrations' }),
    },
    {
      what: 'after the sign-in',
      query: async () => ({ ...Object.fromEntries(new URL((await finalize()).url).searchParams), code: '' }),
    },
  ])('stands on the page, in the JSON and in the log: $what', async ({ query }) => {
    const url = callback({ ...(await query()), error: 'invalid_scope', error_description: LACKS_SCOPES });
    const said = `invalid_scope: ${LACKS_SCOPES}`;
    const before = lines().length;
    expect(await shown(url)).toBe(said);
    const body = (await (await fetch(url)).json()) as { error: { message: string } };
    expect(body.error.message).toContain(`Reason given: “${said}”`);
    expect(lines().slice(before)).toMatchObject([
      { level: 40, reason: said, requestId: expect.any(String) },
      { level: 40, reason: said },
    ]);
  });

  it('is text, one line, without what cannot be seen, and does not end its quotes', async () => {
    const written = `a\u0000b\u202ec\r\nd\u200be ”f“ ${ATTACK}`;
    const url = callback({ error: ATTACK, error_description: written, ...(await stateOf()) });
    const text = await (await open(url)).text();
    for (const part of ['<img src=x', '<script>alert', '\0', '\u202e', '\u200b'])
      expect(text).not.toContain(part);
    expect(text).toContain(
      '&lt;script&gt;alert(2)&lt;/script&gt;: a b c d e &quot;f&quot; &quot;&gt;&lt;img',
    );
  });

  it('is as long as a line of a page at the most', async () => {
    const url = callback({ error: 'e'.repeat(3_000), error_description: '😀'.repeat(1_000) });
    expect(await shown(url)).toBe(`${'e'.repeat(100)}…: ${'😀'.repeat(400)}…`);
    expect(String(lines().at(-1)?.reason).length).toBeLessThan(1_000);
  });

  it('repeats no secret, and the log no e-mail address', async () => {
    const { state } = await stateOf();
    const written = `jane@example.com may not: ${state} some-code sandbox-client-secret`;
    const query = { error: 'server_error', error_description: written, state, code: 'some-code' };
    expect(await shown(callback(query))).toBe('server_error: jane@example.com may not: … … …');
    expect(lines().at(-1)?.reason).toBe('server_error: :email may not: … … …');
    expect(JSON.stringify(log.lines)).not.toMatch(/jane@example|sandbox-client-secret/);
  });

  it('that stands twice, or is empty, is not an error', async () => {
    for (const query of ['error=a&error=b', 'error=', 'error_description=x']) {
      const answer = await fetch(`${world.serverUrl}/oauth-callback?${query}`);
      expect(await answer.json()).toMatchObject({ error: { code: 'callback_incomplete' } });
    }
  });
});

describe('a sign-in', () => {
  it.each<{ what: string; form: Record<string, string> }>([
    { what: 'with a wrong key', form: { key: 'not-the-key-not-the-key-not-the-key' } },
    { what: 'with no key', form: { key: '' } },
    { what: 'with no name', form: { user: '   ' } },
  ])('$what is asked for again, with 401', async ({ form }) => {
    const page = await signInPage();
    const answer = await take(signIn(page, form));
    expect(answer.status).toBe(401);
    const text = await answer.text();
    expect(text).toContain('That name and key do not go together.');
    expect(text).toContain(page.token);
    expect(text).not.toContain('not-the-key');
    expect((await take(signIn(page))).status).toBe(303);
  });

  it('that is asked for again keeps the name, as text', async () => {
    const answer = await take(signIn(await signInPage(), { user: `Zoë ${ATTACK}`, key: 'wrong' }));
    const text = await answer.text();
    expect(text).toContain('value="Zoë &quot;&gt;&lt;img');
    expect(text).not.toContain('<img src=x');
  });

  it('with a key that opens one portal only is not enough', async () => {
    const { key } = await world.ctx.services.apiKeys.create('limited', 62515);
    expect((await take(signIn(await signInPage(), { key }))).status).toBe(401);
  });

  it('with fields missing, or a body that is too large, is refused', async () => {
    const { cookie } = await signInPage();
    const send = (body: URLSearchParams) =>
      world.app('/partner-sign-in', { method: 'POST', headers: { cookie }, body });
    expect((await send(new URLSearchParams({ user: 'Jane' }))).status).toBe(400);
    expect((await send(new URLSearchParams({ user: 'x'.repeat(20_000) }))).status).toBe(413);
  });

  it('whose form goes to a way back with a query of its own keeps that query', async () => {
    const page = await signInPage();
    const returnUrl = `${world.sandboxUrl}/marketplace/return/x?a=1&b=%2F%3F&state=theirs#top`;
    const target = new URL(locationOf(await take(signIn({ ...page, returnUrl }))));
    expect(target.searchParams.getAll('state')).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
    expect([target.searchParams.get('a'), target.searchParams.get('b'), target.hash]).toEqual([
      '1',
      '/?',
      '#top',
    ]);
  });
});

describe('an install that failed', () => {
  it('because HubSpot takes too long says that HubSpot did not answer', async () => {
    const impatient = createContext(world.ctx.config, world.ctx.logger, { callTimeoutMs: 2_000 });
    const server = createServer(createApp(impatient));
    const listening = await listen(server, 0);
    const url = new URL(await ownCallback());
    url.port = String((server.address() as AddressInfo).port);
    await world.sandbox.control('failures', { path: '/oauth/*/token', delayMs: 4_000, status: 503 });
    const answer = await open(url.href);
    expect([answer.status, await answer.text()]).toEqual([
      502,
      expect.stringContaining('<h1>HubSpot is not answering</h1>'),
    ]);
    await listening.close();
    await impatient.close();
  });

  it('because it was declined can be approved after all, once', async () => {
    const authorize = await begin();
    const declined = await world.sandbox.decide(authorize, 'deny');
    expect((await open(declined)).status).toBe(403);
    const approved = await world.sandbox.decide(authorize, 'approve');
    expect((await open(approved)).status).toBe(200);
    for (const url of [declined, approved]) expect((await open(url)).status).toBe(409);
  });

  it('because HubSpot was down is not called finished when its page is opened again', async () => {
    for (const step of [{ url: await ownCallback() }, await finalize()]) {
      await world.sandbox.control('failures', { method: 'POST', path: '/oauth/*/token', status: 503 });
      expect((await take(step)).status).toBe(502);
      expect([200, 302]).toContain((await take(step)).status);
    }
  });

  it('because another browser opened the last step of the partner flow is finished in its own', async () => {
    const step = await finalize();
    const elsewhere = await take({ url: step.url });
    expect([elsewhere.status, await elsewhere.text()]).toEqual([
      400,
      expect.stringContaining('not in this browser'),
    ]);
    expect((await take(step)).status).toBe(302);
    const refused = changed(step, { code: undefined, error: 'access_denied' });
    for (const { url } of [step, refused]) expect((await take({ url })).status).toBe(400);
    for (const own of [step, refused]) expect((await take(own)).status).toBe(409);
  });

  it('because of a way back that is not HubSpot’s can be finished without it', async () => {
    const url = await ownCallback();
    expect((await open(withQuery(url, { returnUrl: ELSEWHERE }))).status).toBe(400);
    expect((await open(url)).status).toBe(200);
  });

  it('because HubSpot was down can be started again', async () => {
    const url = await failing('/oauth/*/token', { status: 500 }, ownCallback());
    expect((await open(String(url))).status).toBe(502);
    expect((await open(await ownCallback())).status).toBe(200);
  });

  it('because the app is not set up correctly raises an alarm, which the next install ends', async () => {
    const alarms = async () => (await world.ctx.services.alarms.list()).map(({ name }) => name);
    expect((await open(await ownCallback())).status).toBe(200);
    expect(await alarms()).toEqual([]);
    const url = await failing('/oauth/*/token', badClient('BAD_CLIENT_SECRET'), ownCallback());
    expect((await open(String(url))).status).toBe(502);
    expect(await alarms()).toEqual(['install_misconfigured']);
    const [alarm] = await world.ctx.services.alarms.list();
    expect(alarm?.message).toContain('HUBSPOT_CLIENT_SECRET');
    expect((await open(await ownCallback())).status).toBe(200);
    expect(await alarms()).toEqual([]);
  });

  it('with HubSpot’s plain error, which any made-up code may bring, raises no alarm', async () => {
    expect((await open(await ownCallback())).status).toBe(200);
    const plain = (body: object) => ({ status: 400, body: { status: 'error', message: 'no', ...body } });
    const alarmsAfter = async (failure: Record<string, unknown>) => {
      const url = await failing('/oauth/*/token', failure, marketplaceCallback());
      expect((await open(String(url))).status).toBe(400);
      return (await world.ctx.services.alarms.list()).map(({ name }) => name);
    };
    expect(await alarmsAfter(plain({}))).toEqual([]);
    expect(await alarmsAfter(plain({ error: 'invalid_scope' }))).toEqual(['install_misconfigured']);
    expect((await open(await ownCallback())).status).toBe(200);
  });
});
