import {
  BasicApi,
  createConfiguration,
  ResponseContext,
  wrapHttpLibrary,
} from '@hubspot/api-client/lib/codegen/crm/contacts/index.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CrmWorld, startCrmWorld } from '../../helpers/crm-world.ts';

const CONTACTS = '/crm/objects/2026-09/contacts';
const tooMany = { status: 429, body: { policyName: 'SECONDLY' } };

describe('hubspot.fetch', () => {
  let world: CrmWorld;
  let fetch: typeof globalThis.fetch;
  beforeAll(async () => {
    world = await startCrmWorld();
    fetch = world.hubspot.fetch;
  });
  afterAll(() => world.close());

  const statusesOf = async (work: () => Promise<unknown>) =>
    (await world.requestsOf(work)).map(({ status }) => status);

  it.each([
    ['a path', (path: string) => path],
    ['a URL of the configured API', (path: string) => new URL(path, world.sandboxUrl)],
    ['a URL of HubSpot’s public API', (path: string) => `https://api.hubapi.com${path}`],
    ['a Request', (path: string) => new Request(new URL(path, world.sandboxUrl))],
  ])('accepts %s', async (_what, input) => {
    const response = await fetch(input(`${CONTACTS}/101?properties=email&properties=firstname`));
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('application/json'),
    ]);
    expect(await response.json()).toMatchObject({ id: '101', properties: { email: 'jane@example.com' } });
  });

  it('sends method, headers and body, but never the authorization of the caller', async () => {
    const sent = await world.requestsOf(async () => {
      const response = await fetch(CONTACTS, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Authorization: 'Bearer another' },
        body: JSON.stringify({ properties: { email: 'fetched@example.com' } }),
      });
      expect(response.status).toBe(201);
    });
    expect(sent.map(({ body }) => body)).toEqual([{ properties: { email: 'fetched@example.com' } }]);
  });

  it('returns an error status after the retries', async () => {
    const missing = await fetch(`${CONTACTS}/999999`);
    expect([missing.ok, missing.status]).toEqual([false, 404]);
    expect(await missing.json()).toMatchObject({ status: 'error' });
    const path = `${CONTACTS}/102`;
    await world.sandbox.control('failures', { path, status: 401, times: 2 });
    expect((await fetch(path)).status).toBe(401);
  });

  it('retries a POST that HubSpot may have processed only when it reads', async () => {
    const post = async (path: string) => {
      await world.sandbox.control('failures', { method: 'POST', path, status: 503, body: {} });
      return statusesOf(() =>
        fetch(path, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ inputs: [{ id: '101' }], properties: ['email'], limit: 1 }),
        }),
      );
    };
    expect(await post(`${CONTACTS}/search`)).toEqual([503, 200]);
    expect(await post(`${CONTACTS}/batch/read`)).toEqual([503, 200]);
    expect(await post(`${CONTACTS}/batch/update`)).toEqual([503]);
  });

  it('rejects when the caller aborts', async () => {
    const path = `${CONTACTS}/104`;
    await world.sandbox.control('failures', { path, delayMs: 60_000 });
    const controller = new AbortController();
    const call = fetch(path, { signal: controller.signal });
    controller.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  });

  it.each(['https://evil.example/crm', '//evil.example/crm', 'https://api.hubapi.com.evil.example/crm'])(
    'sends nothing to %s',
    async (url) => {
      const sent = await world.requestsOf(async () => {
        await expect(fetch(url)).rejects.toMatchObject({ code: 'not_hubspot' });
      });
      expect(sent).toEqual([]);
    },
  );

  describe('with HubSpot’s own client', () => {
    /** As docs/apis.md shows it. */
    const contacts = () => {
      const httpApi = wrapHttpLibrary({
        async send(request) {
          const response = await fetch(request.getUrl(), {
            method: request.getHttpMethod(),
            headers: request.getHeaders(),
            body: (request.getBody() as string | undefined) ?? null,
          });
          return new ResponseContext(response.status, Object.fromEntries(response.headers), {
            text: () => response.text(),
            binary: async () => Buffer.from(await response.arrayBuffer()),
          });
        },
      });
      return new BasicApi(createConfiguration({ httpApi }));
    };

    it('reads and writes with the portal’s token', async () => {
      const created = await contacts().create({
        properties: { email: 'official@example.com' },
        associations: [],
      });
      const read = await contacts().getById(created.id, ['email']);
      expect(read.properties.email).toBe('official@example.com');
      await expect(contacts().getById('999999')).rejects.toMatchObject({ code: 404 });
    });

    it('refreshes the token after 401', async () => {
      const refreshes = async () => (await world.sandbox.read('tokens?portalId=62515')).results[0].refreshes;
      const before = await refreshes();
      await world.sandbox.control('failures', { path: '/crm/*', status: 401 });
      const sent = await statusesOf(() => contacts().getById('101'));
      expect([sent, (await refreshes()) - before]).toEqual([[401, 200], 1]);
    });

    it('retries after 429', async () => {
      await world.sandbox.control('failures', { path: '/crm/*', ...tooMany });
      expect(await statusesOf(() => contacts().getById('101'))).toEqual([429, 200]);
    });
  });
});
