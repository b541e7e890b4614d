import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { client, type Hubspot, requiredScopes, startHubspot } from './hubspot.ts';

let hubspot: Hubspot;
beforeAll(async () => {
  hubspot = await startHubspot();
});
afterAll(() => hubspot.close());
beforeEach(() => hubspot.control('/reset', {}));

const contacts = '/crm/objects/2026-09/contacts';
const exchange = (code: string, fields: Record<string, string> = {}) =>
  hubspot.token({ grant_type: 'authorization_code', code, redirect_uri: hubspot.redirectUri, ...fields });
const refresh = (refresh_token: string) => hubspot.token({ grant_type: 'refresh_token', refresh_token });
const introspect = (token: string, version = '2026-09') =>
  hubspot.call('POST', `/oauth/${version}/token/introspect`, new URLSearchParams({ ...client, token }));

describe('the consent page', () => {
  const query = (fields: Record<string, string> = {}) =>
    new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: hubspot.redirectUri,
      scope: requiredScopes,
      ...fields,
    });

  it('shows the accounts and the scopes', async () => {
    const { status, headers, body } = await hubspot.call('GET', `/oauth/authorize?${query()}`);
    expect(status).toBe(200);
    expect(body).toContain('Sandbox Portal');
    expect(body).toContain('Second Portal');
    expect(body).toContain('crm.objects.contacts.write');
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
  });

  it('offers only the account in the link', async () => {
    const { body } = await hubspot.call('GET', `/oauth/62516/authorize?${query()}`);
    expect(body).toContain('Second Portal');
    expect(body).not.toContain('Sandbox Portal');
    expect((await hubspot.call('GET', `/oauth/1/authorize?${query()}`)).status).toBe(400);
  });

  it.each([
    ['an unknown client id', { client_id: 'nobody' }, 'nobody'],
    [
      'a redirect URI with another path',
      { redirect_uri: 'http://localhost:9/oauth-callback/' },
      'oauth-callback/',
    ],
    ['a required scope that is missing', { scope: 'oauth timeline' }, 'crm.objects.contacts.read'],
    ['a scope that is not declared', { scope: `${requiredScopes} automation` }, 'automation'],
    ['an optional scope that is not declared', { optional_scope: 'automation' }, 'automation'],
  ])('rejects %s, naming it', async (_what, fields, named) => {
    for (const [method, path, body] of [
      ['GET', `/oauth/authorize?${query(fields)}`, undefined],
      ['POST', '/oauth/authorize', query({ ...fields, portal_id: '62515', decision: 'approve' })],
    ] as const) {
      const answer = await hubspot.call(method, path, body);
      expect(answer.status).toBe(400);
      expect(answer.body).toContain(named);
    }
  });

  it('escapes the parameters of the link', async () => {
    const { body } = await hubspot.call('GET', `/oauth/authorize?${query({ client_id: '<script>x' })}`);
    expect(body).not.toContain('<script>x');
  });

  it('sends the browser back with a code and the state', async () => {
    const target = await hubspot.consent({ state: 'a b&c' });
    expect(target.origin + target.pathname).toBe(hubspot.redirectUri);
    expect(target.searchParams.get('code')).toMatch(/^na1-/);
    expect(target.searchParams.get('state')).toBe('a b&c');
  });

  it('sends the browser back with an error after cancelling', async () => {
    const { searchParams } = await hubspot.consent({ decision: 'deny', state: 's' });
    expect(searchParams.get('error')).toBe('access_denied');
    expect(searchParams.get('error_description')).toBe('The user did not approve the connection.');
    expect(searchParams.get('state')).toBe('s');
    expect(searchParams.has('code')).toBe(false);
  });

  it('keeps the query of a redirect URI', async () => {
    const redirect_uri = 'http://localhost:9/oauth-callback?tenant=1';
    await hubspot.call('PUT', '/_sandbox/app', { redirectUrls: [hubspot.redirectUri, redirect_uri] });
    const target = await hubspot.consent({ redirect_uri });
    expect([...target.searchParams.keys()]).toEqual(['tenant', 'code']);
  });
});

describe('tokens', () => {
  it.each(['v1', 'v3', '2026-03', '2026-09'])('are issued for a code at /oauth/%s/token', async (version) => {
    const code = await hubspot.codeFor({ optional_scope: 'crm.objects.deals.read' });
    const fields = { grant_type: 'authorization_code', code, redirect_uri: hubspot.redirectUri };
    const { status, body } = await hubspot.token(fields, version);
    expect(status).toBe(200);
    expect(body).toEqual({
      token_type: 'bearer',
      access_token: expect.stringMatching(/^sbx-at-.{300,}$/),
      refresh_token: expect.stringMatching(/^na1-/),
      expires_in: 1800,
      hub_id: 62515,
      scopes: [...requiredScopes.split(' '), 'crm.objects.deals.read'],
      user_id: expect.any(Number),
      token_use: 'access_token',
    });
  });

  it('are issued once per code', async () => {
    const code = await hubspot.codeFor();
    expect((await exchange(code)).status).toBe(200);
    expect((await exchange(code)).body).toMatchObject({ error: 'invalid_grant', status: 'BAD_AUTH_CODE' });
  });

  it('are not issued for a code older than five minutes', async () => {
    const code = await hubspot.codeFor();
    await hubspot.control('/clock', { advanceSeconds: 301 });
    expect((await exchange(code)).body).toMatchObject({
      error: 'invalid_grant',
      status: 'EXPIRED_AUTH_CODE',
    });
  });

  it.each([
    ['BAD_GRANT_TYPE', 'unsupported_grant_type', { grant_type: 'password' }],
    ['BAD_GRANT_TYPE', 'unsupported_grant_type', { grant_type: '' }],
    ['BAD_CLIENT_ID', 'invalid_client', { client_id: 'x' }],
    ['BAD_CLIENT_SECRET', 'invalid_client', { client_secret: 'x' }],
    ['BAD_AUTH_CODE', 'invalid_grant', { code: 'x' }],
    ['BAD_REDIRECT_URI', 'invalid_grant', { redirect_uri: 'http://localhost:9/other' }],
    ['BAD_REFRESH_TOKEN', 'invalid_grant', { grant_type: 'refresh_token', refresh_token: 'x' }],
  ])('are not issued with %s', async (status, error, fields) => {
    const answer = await exchange(await hubspot.codeFor(), fields);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({
      error,
      status,
      message: expect.any(String),
      error_description: answer.body.message,
    });
  });

  it('are not issued for fields in the query or in JSON', async () => {
    const code = await hubspot.codeFor();
    const fields = { ...client, grant_type: 'authorization_code', code, redirect_uri: hubspot.redirectUri };
    const inQuery = await hubspot.call('POST', `/oauth/2026-03/token?${new URLSearchParams(fields)}`);
    expect(inQuery.body.status).toBe('BAD_GRANT_TYPE');
    expect((await hubspot.call('POST', '/oauth/2026-03/token', fields)).body.status).toBe('BAD_GRANT_TYPE');
  });

  it('work for 30 minutes of the sandbox clock and can be refreshed', async () => {
    const { access, refresh: refreshToken } = await hubspot.install();
    expect((await hubspot.api(access)('GET', contacts)).status).toBe(200);

    const { body } = await hubspot.control('/clock', { advanceSeconds: 1801 });
    expect(new Date(body.now).getTime()).toBeGreaterThan(Date.now() + 1_790_000);
    const expired = await hubspot.api(access)('GET', contacts);
    expect(expired.status).toBe(401);
    expect(expired.body).toMatchObject({ status: 'error', category: 'EXPIRED_AUTHENTICATION' });
    expect(expired.body.correlationId).toBe(expired.headers.get('x-hubspot-correlation-id'));

    const refreshed = await refresh(refreshToken);
    expect(refreshed.body.refresh_token).toBe(refreshToken);
    expect((await hubspot.api(refreshed.body.access_token)('GET', contacts)).status).toBe(200);
  });

  it('are required: requests without a valid one get 401', async () => {
    for (const authorization of ['', 'Bearer nonsense', 'Basic eDp5']) {
      const { status, body } = await hubspot.call('GET', contacts, undefined, { authorization });
      expect(status).toBe(401);
      expect(body).toMatchObject({ status: 'error', category: 'INVALID_AUTHENTICATION' });
    }
  });

  it('allow only their scopes', async () => {
    const { access } = await hubspot.install();
    const { status, body } = await hubspot.api(access)('GET', '/crm/v3/objects/deals');
    expect(status).toBe(403);
    expect(body).toMatchObject({
      category: 'MISSING_SCOPES',
      errors: [{ context: { requiredGranularScopes: ['crm.objects.deals.read'] } }],
    });
  });

  it('are rate-limited per portal', async () => {
    const { refresh: refreshToken } = await hubspot.install();
    await refresh(refreshToken);
    await refresh(refreshToken);
    expect((await hubspot.control('/tokens')).body.results).toEqual([
      { portalId: 62515, refreshes: 2, rotations: 0, revoked: false },
      { portalId: 62516, refreshes: 0, rotations: 0, revoked: false },
    ]);
  });
});

describe('rotation', () => {
  it('issues a new refresh token and keeps the old one until the new one is used', async () => {
    await hubspot.call('PUT', '/_sandbox/app', { rotateRefreshTokens: true });
    const { refresh: first } = await hubspot.install();
    const second = (await refresh(first)).body.refresh_token;
    expect(second).not.toBe(first);
    // The app lost that answer: it asks again and gets the same successor.
    expect((await refresh(first)).body.refresh_token).toBe(second);
    expect((await refresh(second)).status).toBe(200);
    expect((await refresh(first)).body.status).toBe('BAD_REFRESH_TOKEN');
    expect((await hubspot.control('/tokens?portalId=62515')).body.results).toEqual([
      { portalId: 62515, refreshes: 3, rotations: 2, revoked: false },
    ]);
  });
});

describe('introspection and revocation', () => {
  const revoke = (token: string) =>
    hubspot.call('POST', '/oauth/2026-03/token/revoke', new URLSearchParams({ ...client, token }));

  it('describe an access token and a refresh token', async () => {
    const { access, refresh: refreshToken } = await hubspot.install(62516);
    const { body } = await introspect(access);
    expect(body).toMatchObject({
      active: true,
      token: access,
      token_type: 'bearer',
      token_use: 'access_token',
      client_id: 'sandbox-client-id',
      app_id: 193354,
      hub_id: 62516,
      user: 'owner@second.example',
      is_private_distribution: false,
      signed_access_token: { hubId: 62516, appId: 193354, hublet: 'na1' },
    });
    expect(body.expires_in).toBeGreaterThan(1790);
    expect((await introspect(refreshToken)).body).toMatchObject({ active: true, token_use: 'refresh_token' });
  });

  it('need the client credentials', async () => {
    const { status, body } = await hubspot.call('POST', '/oauth/v3/token/introspect', new URLSearchParams());
    expect([status, body.status]).toEqual([400, 'BAD_CLIENT_ID']);
  });

  it('keep issued access tokens valid when a refresh token is revoked', async () => {
    const { access, refresh: refreshToken } = await hubspot.install();
    expect((await revoke(refreshToken)).status).toBe(204);
    expect((await introspect(refreshToken)).body).toEqual({ active: false });
    expect((await refresh(refreshToken)).body).toMatchObject({
      error: 'invalid_grant',
      status: 'BAD_REFRESH_TOKEN',
    });
    expect((await hubspot.api(access)('GET', contacts)).status).toBe(200);
    expect((await hubspot.control('/tokens?portalId=62515')).body.results[0].revoked).toBe(true);
  });

  it('report an expired or unknown token as inactive', async () => {
    const { access } = await hubspot.install();
    await hubspot.control('/clock', { advanceSeconds: 1800 });
    expect((await introspect(access)).body).toEqual({ active: false });
    expect((await introspect('unknown')).body).toEqual({ active: false });
  });
});

describe('uninstalling', () => {
  it.each(['v3', '2026-03', '2026-09'])(
    'through the API %s revokes every token of only that portal',
    async (version) => {
      const first = await hubspot.install(62515);
      const second = await hubspot.install(62516);
      const removed = await hubspot.api(first.access)('DELETE', `/appinstalls/${version}/external-install`);
      expect(removed.status).toBe(204);
      expect((await hubspot.api(first.access)('GET', contacts)).body.category).toBe('INVALID_AUTHENTICATION');
      expect((await refresh(first.refresh)).body.status).toBe('BAD_REFRESH_TOKEN');
      expect((await refresh(second.refresh)).status).toBe(200);
    },
  );

  it('by the customer does the same', async () => {
    const { refresh: refreshToken } = await hubspot.install();
    expect((await hubspot.control('/uninstall', { portalId: 62515 })).body).toEqual({
      portalId: 62515,
      wasInstalled: true,
    });
    expect((await refresh(refreshToken)).body.status).toBe('BAD_REFRESH_TOKEN');
  });
});

describe('account details', () => {
  it('are those of the token’s portal', async () => {
    const { access } = await hubspot.install(62516);
    const { body } = await hubspot.api(access)('GET', '/account-info/2026-09/details');
    expect(body).toMatchObject({
      portalId: 62516,
      timeZone: 'America/New_York',
      utcOffset: expect.stringMatching(/^-0/),
    });
  });
});
