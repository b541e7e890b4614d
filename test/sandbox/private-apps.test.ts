import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { client, type Hubspot, startHubspot } from './hubspot.ts';

const CONTACT = '/crm/objects/2026-09/contacts/101';
const EVENTS = '/integrators/timeline/2026-03/events';

describe('a private app', () => {
  let hubspot: Hubspot;
  beforeAll(async () => {
    hubspot = await startHubspot();
  });
  afterAll(() => hubspot.close());
  beforeEach(() => hubspot.control('/reset', {}));

  const make = (fields: Record<string, unknown> = {}) =>
    hubspot.control('/private-app', { portalId: 62515, ...fields });
  const info = (tokenKey: string) =>
    hubspot.call('POST', '/oauth/v2/private-apps/get/access-token-info', { tokenKey });
  const statusOf = async (token: string, method: string, path: string, body?: unknown) =>
    (await hubspot.api(token)(method, path, body)).status;

  it('has a token whose account and scopes can be read', async () => {
    const { status, body } = await make();
    expect([status, body.portalId, body.appId]).toEqual([201, 62515, 193354]);
    expect(body.accessToken).toMatch(/^pat-na1-[0-9a-f-]{36}$/);
    expect(body.scopes).toContain('crm.objects.contacts.read');
    for (const scope of ['oauth', 'timeline']) expect(body.scopes).not.toContain(scope);
    expect(await info(body.accessToken)).toMatchObject({
      status: 200,
      body: { hubId: 62515, appId: 193354, userId: 9586504, scopes: body.scopes },
    });
    expect((await info('made-up')).status).toBe(401);
    expect((await hubspot.call('POST', '/oauth/v2/private-apps/get/access-token-info', {})).status).toBe(400);
  });

  it('may do exactly what its scopes allow, however old its token is', async () => {
    const { accessToken } = (await make({ scopes: ['crm.objects.contacts.read'] })).body;
    await hubspot.control('/clock', { advanceSeconds: 1_000_000 });
    expect(await statusOf(accessToken, 'GET', CONTACT)).toBe(200);
    expect(await statusOf(accessToken, 'PATCH', CONTACT, { properties: { phone: '1' } })).toBe(403);
    expect(await statusOf(accessToken, 'POST', EVENTS, {})).toBe(403);
    expect(await statusOf(accessToken, 'DELETE', '/appinstalls/2026-03/external-install')).toBe(403);
    const asked = new URLSearchParams({ ...client, token: accessToken });
    const introspected = await hubspot.call('POST', '/oauth/2026-09/token/introspect', asked);
    expect(introspected.body).toEqual({ active: false });
  });

  it('has no app events, whatever its scopes are', async () => {
    const { accessToken } = (await make()).body;
    for (const path of [EVENTS, `${EVENTS}/batch`])
      expect(await statusOf(accessToken, 'POST', path, {})).toBe(403);
  });

  it('has one token, which ends when it is rotated and when the app is deleted', async () => {
    const first = (await make()).body.accessToken;
    const second = (await make()).body.accessToken;
    expect([await statusOf(first, 'GET', CONTACT), await statusOf(second, 'GET', CONTACT)]).toEqual([
      401, 200,
    ]);
    expect((await make({ deleted: true })).body).toEqual({ portalId: 62515, wasThere: true });
    expect(await statusOf(second, 'GET', CONTACT)).toBe(401);
    expect((await make({ deleted: true })).body).toMatchObject({ wasThere: false });
  });

  it('is not created for an unknown account, nor with scopes that it cannot have', async () => {
    expect((await make({ portalId: 1 })).status).toBe(404);
    expect(await make({ scopes: ['timeline'] })).toMatchObject({
      status: 400,
      body: { error: { message: 'A private app cannot have timeline.' } },
    });
  });

  it('has no token in the request log', async () => {
    const { accessToken } = (await make()).body;
    await info(accessToken);
    await statusOf(accessToken, 'GET', CONTACT);
    expect(JSON.stringify((await hubspot.control('/requests')).body)).not.toContain(accessToken);
  });
});
