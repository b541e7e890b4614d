import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Answer, type Hubspot, startHubspot } from './hubspot.ts';

let hubspot: Hubspot;
beforeAll(async () => {
  hubspot = await startHubspot('http://localhost:4321');
});
afterAll(() => hubspot.close());
beforeEach(() => hubspot.control('/reset', {}));

const form = (fields: Record<string, string>) => new URLSearchParams(fields);
const locationOf = ({ headers }: Answer) => headers.get('location') ?? '';
const install = (way: string, portalId = 62515) =>
  hubspot.call('POST', '/marketplace/install', form({ portal_id: String(portalId), way }));
const begin = async (body: object) => new URL((await hubspot.control('/marketplace', body)).body.url);
const visit = (url: string) => hubspot.call('GET', url.slice(hubspot.url.length));
const exchange = (code: string | null) =>
  hubspot.token({
    grant_type: 'authorization_code',
    code: code ?? '',
    redirect_uri: hubspot.redirectUri,
  });

describe('the listing', () => {
  it('is linked from the pages and shows the ways to install', async () => {
    for (const path of ['/', '/portals/62515']) {
      expect((await hubspot.call('GET', path)).body).toContain('href="/marketplace"');
    }
    const { status, headers, body } = await hubspot.call('GET', '/marketplace');
    expect(status).toBe(200);
    expect(body).toContain('HubSpot Public App');
    expect(body.match(/name="way"/g)).toHaveLength(4);
    expect(headers.get('content-security-policy')).toContain("form-action 'self' http://localhost:4321");
  });

  it('leads to the app’s own link and to its bare redirect URL', async () => {
    expect(locationOf(await install('own'))).toBe('http://localhost:4321/install');
    expect(locationOf(await install('bare'))).toBe(hubspot.redirectUri);
    expect((await install('own', 1)).status).toBe(404);
    expect((await install('magic')).status).toBe(404);
  });
});

describe('an install from HubSpot', () => {
  it('sends code and returnUrl without state, and ends on a confirmation page', async () => {
    const consent = locationOf(await install('hubspot', 62516));
    const page = await hubspot.call('GET', consent);
    expect(page.body).toContain('Second Portal');
    expect(page.body).not.toContain('type="radio"');
    const callback = new URL(locationOf(await hubspot.call('POST', consent, form({ decision: 'approve' }))));
    expect(callback.origin + callback.pathname).toBe(hubspot.redirectUri);
    expect([...callback.searchParams.keys()].sort()).toEqual(['code', 'returnUrl']);
    const { body } = await exchange(callback.searchParams.get('code'));
    expect(body).toMatchObject({ hub_id: 62516, scopes: expect.arrayContaining(['crm.objects.deals.read']) });
    const returned = await visit(callback.searchParams.get('returnUrl') ?? '');
    expect(returned.status).toBe(200);
    expect(returned.body).toContain('The app is installed');
  });

  it('explains an endless loop to an app that did not exchange the code', async () => {
    const url = await begin({ portalId: 62515 });
    const returnUrl = url.searchParams.get('returnUrl') ?? '';
    expect(new URL(returnUrl).origin).toBe(hubspot.url);
    expect(new URL(returnUrl).searchParams.get('portalId')).toBe('62515');
    const looped = await visit(returnUrl);
    expect(looped.status).toBe(400);
    expect(looped.body).toContain('endless login loop');
    await exchange(url.searchParams.get('code'));
    expect((await visit(returnUrl)).status).toBe(200);
  });

  it('can be cancelled', async () => {
    const consent = locationOf(await install('hubspot'));
    expect(locationOf(await hubspot.call('POST', consent, form({ decision: 'deny' })))).toBe('/marketplace');
  });

  it('can follow an uninstall', async () => {
    const first = await hubspot.install();
    await hubspot.call('POST', '/portals/62515/uninstall', form({}));
    const url = await begin({ portalId: 62515 });
    const { body } = await exchange(url.searchParams.get('code'));
    expect(body.refresh_token).not.toBe(first.refresh);
    expect((await hubspot.api(body.access_token)('GET', '/crm/v3/objects/contacts')).status).toBe(200);
    expect((await hubspot.control('/tokens?portalId=62515')).body.results[0].revoked).toBe(false);
    expect((await hubspot.call('GET', '/portals/62515')).body).toContain('is installed');
  });
});

describe('an install with a sign-in to the app', () => {
  const withState = (returnUrl: string, state: string) => `${returnUrl}&state=${state}`;

  it('consists of authorize, sign-in, consent, finalize, and return', async () => {
    const url = await begin({ portalId: 62515, partnerSignIn: true });
    expect(url.searchParams.get('step')).toBe('authorize');
    const returnUrl = url.searchParams.get('returnUrl') ?? '';
    const finalize = await visit(withState(returnUrl, 'token-1'));
    expect(finalize.status).toBe(302);
    const { searchParams } = new URL(locationOf(finalize));
    expect(Object.fromEntries(searchParams)).toEqual({
      step: 'finalize',
      code: expect.stringMatching(/^na1-/),
      state: 'token-1',
      returnUrl,
    });
    expect((await exchange(searchParams.get('code'))).status).toBe(200);
    expect((await visit(returnUrl)).body).toContain('The app is installed');
  });

  it('asks for consent in a browser', async () => {
    const url = new URL(locationOf(await install('sign-in')));
    const consent = await visit(withState(url.searchParams.get('returnUrl') ?? '', 'token-2'));
    const action = /action="(\/marketplace\/consent\/[^"]+)"/.exec(consent.body)?.[1] ?? '';
    const finalize = await hubspot.call('POST', action, form({ decision: 'approve' }));
    expect(new URL(locationOf(finalize)).searchParams.get('state')).toBe('token-2');
  });

  it('reports an invalid return URL', async () => {
    const url = await begin({ portalId: 62515, partnerSignIn: true });
    const returnUrl = url.searchParams.get('returnUrl') ?? '';
    const stateless = await visit(returnUrl);
    expect([stateless.status, stateless.body]).toEqual([400, expect.stringContaining('without <code>state')]);
    const badlyMerged = await visit(`${returnUrl}?state=token`);
    expect([badlyMerged.status, badlyMerged.body]).toEqual([400, expect.stringContaining('changed')]);
  });
});

describe('POST /_sandbox/portals', () => {
  const from = 700_001;

  it('adds accounts with working tokens', async () => {
    const { status, body } = await hubspot.control('/portals', { from, count: 2500, installed: true });
    expect(status).toBe(201);
    expect(body.results).toHaveLength(2500);
    const { portalId, accessToken, refreshToken, expiresIn } = body.results[2499];
    expect([portalId, expiresIn]).toEqual([702_500, 1800]);
    const account = await hubspot.api(accessToken)('GET', '/account-info/2026-09/details');
    expect(account.body.portalId).toBe(portalId);
    const contacts = await hubspot.api(accessToken)('GET', '/crm/v3/objects/contacts');
    expect(contacts.body.results).toEqual([]);
    const refreshed = await hubspot.token({ grant_type: 'refresh_token', refresh_token: refreshToken });
    expect(refreshed.body.hub_id).toBe(portalId);
    expect((await hubspot.control(`/tokens?portalId=${portalId}`)).body.results).toEqual([
      { portalId, refreshes: 1, rotations: 0, revoked: false },
    ]);
  });

  it('adds accounts without the app, and grants other scopes on request', async () => {
    expect((await hubspot.control('/portals', { from })).body).toEqual({ results: [{ portalId: from }] });
    expect((await hubspot.call('GET', `/portals/${from}`)).body).toContain('is not installed');
    const { body } = await hubspot.control('/portals', { from, installed: true, scopes: ['tickets'] });
    const api = hubspot.api(body.results[0].accessToken);
    expect((await api('GET', '/crm/v3/objects/tickets')).status).toBe(200);
    expect((await api('GET', '/crm/v3/objects/contacts')).status).toBe(403);
  });

  it('has a limit and is undone by a reset', async () => {
    expect((await hubspot.control('/portals', { from, count: 100_001 })).status).toBe(400);
    await hubspot.control('/portals', { from });
    await hubspot.control('/reset', {});
    expect((await hubspot.call('GET', `/portals/${from}`)).status).toBe(404);
  });
});

describe('many refreshes at once', () => {
  it('are counted exactly and rotate each refresh token once', async () => {
    await hubspot.call('PUT', '/_sandbox/app', { rotateRefreshTokens: true });
    const { body } = await hubspot.control('/portals', { from: 800_001, count: 5, installed: true });
    const refresh = (refresh_token: string) => hubspot.token({ grant_type: 'refresh_token', refresh_token });
    const answers = await Promise.all(
      body.results.flatMap(({ refreshToken }: { refreshToken: string }) =>
        Array.from({ length: 40 }, () => refresh(refreshToken)),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const successors = new Set(answers.map((answer) => answer.body.refresh_token));
    expect(successors.size).toBe(5);
    for (const { access_token } of answers.map((answer) => answer.body).slice(0, 40)) {
      expect((await hubspot.api(access_token)('GET', '/account-info/2026-09/details')).status).toBe(200);
    }
    for (let portalId = 800_001; portalId <= 800_005; portalId += 1) {
      expect((await hubspot.control(`/tokens?portalId=${portalId}`)).body.results).toEqual([
        { portalId, refreshes: 40, rotations: 1, revoked: false },
      ]);
    }
    await Promise.all([...successors].map(refresh));
    const { refreshToken } = body.results[0];
    expect((await refresh(refreshToken)).body.status).toBe('BAD_REFRESH_TOKEN');
  });
});

describe('HubSpot’s own URLs', () => {
  it('lead to the account and to its records', async () => {
    const target = async (path: string) => locationOf(await hubspot.call('GET', path));
    expect(await target('/contacts/62515')).toBe('/portals/62515');
    expect(await target('/contacts/62515/record/0-1/101')).toBe('/portals/62515/contacts/101');
    expect((await hubspot.call('GET', '/contacts/62515/record/0-9/101')).status).toBe(404);
    expect((await hubspot.call('GET', '/contacts/1')).status).toBe(404);
  });

  it('fix the account on the consent page', async () => {
    const fields = { client_id: 'sandbox-client-id', redirect_uri: hubspot.redirectUri };
    const scope = 'oauth crm.objects.contacts.read crm.objects.contacts.write timeline';
    const { body } = await hubspot.call('GET', `/oauth/62516/authorize?${form({ ...fields, scope })}`);
    expect(body).toContain('action="/oauth/62516/authorize"');
    expect(body).not.toContain('type="radio"');
    const decided = form({ ...fields, scope, portal_id: '62515', decision: 'approve' });
    const callback = new URL(locationOf(await hubspot.call('POST', '/oauth/62516/authorize', decided)));
    expect((await exchange(callback.searchParams.get('code'))).body.hub_id).toBe(62516);
  });
});
