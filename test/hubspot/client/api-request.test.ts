import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { type CrmWorld, startCrmWorld } from '../../helpers/crm-world.ts';

const PROPERTIES = '/crm/properties/2026-03/contacts';

describe('hubspot.request', () => {
  let world: CrmWorld;
  let request: CrmWorld['hubspot']['request'];
  beforeAll(async () => {
    world = await startCrmWorld();
    request = world.hubspot.request;
  });
  afterAll(() => world.close());

  it('calls an endpoint without a typed service, with the portal’s token', async () => {
    const name = 'favourite_colour';
    const body = {
      name,
      label: 'Colour',
      type: 'string',
      fieldType: 'text',
      groupName: 'contactinformation',
    };
    const created = await request({ method: 'POST', path: PROPERTIES, body });
    expect(created).toMatchObject({ name, label: 'Colour' });
    const schema = z.object({ name: z.string(), label: z.string() });
    const read = await request({
      method: 'GET',
      path: `${PROPERTIES}/${name}`,
      query: { archived: false },
      schema,
    });
    // Typed by the schema.
    const { label }: { label: string } = read;
    expect(label).toBe('Colour');
    expect(await request({ method: 'DELETE', path: `${PROPERTIES}/${name}` })).toBeUndefined();
    await expect(request({ method: 'GET', path: `${PROPERTIES}/${name}` })).rejects.toMatchObject({
      name: 'HubSpotError',
      status: 404,
    });
  });

  it('rejects an answer that does not match the schema', async () => {
    const schema = z.object({ no_such_field: z.string() });
    const call = request({ method: 'GET', path: `${PROPERTIES}/email`, schema });
    await expect(call).rejects.toThrow('an answer without usable no_such_field');
  });

  it('refreshes the token after 401 and retries after 429', async () => {
    const path = `${PROPERTIES}/firstname`;
    const policyName = 'SECONDLY';
    await world.sandbox.control('failures', { path, status: 401 });
    await world.sandbox.control('failures', { path, status: 429, body: { policyName } });
    const sent = await world.requestsOf(() => request({ method: 'GET', path }));
    expect(sent.map(({ status }) => status)).toEqual([401, 429, 200]);
  });

  it('retries a request that HubSpot may have processed only when it is idempotent', async () => {
    const path = `${PROPERTIES}/batch/create`;
    const body = { inputs: [] };
    const statuses = async (idempotent?: boolean) => {
      await world.sandbox.control('failures', { method: 'POST', path, status: 503, body: {} });
      await world.sandbox.control('failures', { method: 'POST', path, status: 201, body: { results: [] } });
      const sent = await world.requestsOf(() =>
        request({ method: 'POST', path, body, ...(idempotent !== undefined && { idempotent }) }).catch(
          () => {},
        ),
      );
      return sent.map(({ status }) => status);
    };
    expect(await statuses(true)).toEqual([503, 201]);
    expect(await statuses()).toEqual([503]);
  });

  it.each([
    ['another host', '@evil.example/crm'],
    ['another host by two slashes', '//evil.example/crm'],
    ['a URL', 'https://evil.example/crm'],
    ['a query', '/crm/owners/2026-03?limit=1'],
  ])('sends nothing when the path is %s', async (_what, path) => {
    const sent = await world.requestsOf(async () => {
      await expect(request({ method: 'GET', path })).rejects.toMatchObject({ code: 'invalid_hubspot_path' });
    });
    expect(sent).toEqual([]);
  });
});
