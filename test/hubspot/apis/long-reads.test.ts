import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../../app/cli/crm.ts';
import { createHubSpotHttp } from '../../../app/hubspot/client/http.ts';
import { runInProcess } from '../../cli/in-process.ts';
import { type CrmWorld, type SentRequest, startCrmWorld } from '../../helpers/crm-world.ts';

/** 16 kB of names that no type has, as an account with many properties of its own would name. */
const MANY = Array.from({ length: 600 }, (_, at) => `custom_property_number_${at}`);

const AREAS = [
  ['contacts', 'email', '101'],
  ['companies', 'name', '301'],
  ['deals', 'dealname', '401'],
  ['tickets', 'subject', '501'],
  ['notes', 'hs_note_body', undefined],
  ['tasks', 'hs_task_subject', undefined],
  ['emails', 'hs_email_subject', undefined],
] as const;

describe('a read with more properties than fit into a URL', () => {
  let world: CrmWorld;
  beforeAll(async () => {
    world = await startCrmWorld();
    const { notes, tasks, emails } = world.hubspot;
    await notes.create({ hs_note_body: 'A note' });
    await tasks.create({ hs_task_subject: 'A task' });
    await emails.create({ hs_email_subject: 'An e-mail', hs_email_direction: 'EMAIL' });
  });
  afterAll(() => world.close());

  /** What it gives, when no request of it was refused. */
  async function carriedOut<T>(read: () => Promise<T>): Promise<{ result: T; requests: SentRequest[] }> {
    let result: T | undefined;
    const requests = await world.requestsOf(async () => {
      result = await read();
    });
    expect(requests.filter(({ status }) => status >= 300)).toEqual([]);
    return { result: result as T, requests };
  }

  it('would be rejected by HubSpot', async () => {
    const http = createHubSpotHttp(world.sandboxUrl, world.ctx.logger);
    const accessToken = await world.ctx.services.tokens.accessTokenFor(62515);
    const request = { method: 'GET', path: '/crm/objects/2026-09/contacts/101', accessToken } as const;
    const refused = expect(http({ ...request, query: { properties: MANY } })).rejects;
    await refused.toMatchObject({ status: 414, said: undefined });
    await http({ ...request, query: { properties: MANY.slice(0, 250) } });
  });

  it.each(AREAS)('returns the same %s as one with few properties', async (area, name, known) => {
    const api = world.hubspot[area];
    const listed = await carriedOut(() => Array.fromAsync(api.list({ properties: [name, ...MANY] })));
    expect(listed.result).toEqual(await Array.fromAsync(api.list({ properties: [name] })));
    expect(listed.requests.map(({ path }) => path.split('/').slice(5).join('/'))).toEqual(['', 'batch/read']);

    const id = known ?? listed.result[0]?.id ?? '';
    const got = await carriedOut(() => api.get(id, [name, ...MANY]));
    expect(got.result).toEqual(await api.get(id, [name]));
    expect(got.result.properties[name]).toEqual(expect.any(String));

    const filters = [{ propertyName: 'hs_object_id', operator: 'GTE', value: '1' }] as const;
    const found = await carriedOut(() =>
      Array.fromAsync(api.search({ filters, properties: [name, ...MANY] })),
    );
    expect(found.result).toEqual(await Array.fromAsync(api.search({ filters, properties: [name] })));
  });

  it('finds by a unique property, and includes associations', async () => {
    const { contacts } = world.hubspot;
    const { result } = await carriedOut(() => contacts.getByEmail('jane@example.com', ['email', ...MANY]));
    expect(result).toEqual(await contacts.getByEmail('jane@example.com', ['email']));
    const associations = ['companies', 'deals'];
    expect(await contacts.get('101', ['email', ...MANY], { associations })).toEqual(
      await contacts.get('101', ['email'], { associations }),
    );
    const few = await Array.fromAsync(contacts.list({ properties: ['email'], associations }));
    expect(await Array.fromAsync(contacts.list({ properties: ['email', ...MANY], associations }))).toEqual(
      few,
    );
  });

  it('reads page by page, and from the recycle bin', async () => {
    const { companies } = world.hubspot;
    const made = await companies.batchCreate(
      Array.from({ length: 5 }, (_, at) => ({ properties: { name: `Company ${at}` } })),
    );
    const ids = made.map(({ result }) => result?.id ?? '');
    const pages = await carriedOut(() =>
      Array.fromAsync(companies.list({ properties: ['name', ...MANY], limit: 2 })),
    );
    expect(pages.result).toEqual(await Array.fromAsync(companies.list({ properties: ['name'] })));

    await companies.batchArchive(ids);
    const options = { archived: true };
    const bin = await carriedOut(() =>
      Array.fromAsync(companies.list({ properties: ['name', ...MANY], ...options })),
    );
    expect(bin.result).toEqual(await Array.fromAsync(companies.list({ properties: ['name'], ...options })));
    expect(bin.result.map(({ id }) => id)).toEqual(ids);
    const [first = ''] = ids;
    expect(await companies.get(first, ['name', ...MANY], options)).toMatchObject({
      archived: true,
      properties: { name: 'Company 0' },
    });
  });

  it('reports a missing record like one with few properties', async () => {
    const { contacts } = world.hubspot;
    await expect(contacts.get('999999', MANY)).rejects.toMatchObject({ status: 404 });
    await expect(contacts.getByEmail('nobody@example.com', MANY)).rejects.toMatchObject({ status: 404 });
  });

  it('omits a record that was deleted between its two requests', async () => {
    const { contacts } = world.hubspot;
    const body = {
      status: 'COMPLETE',
      results: [{ id: '102', properties: { email: 'x@example.com' } }],
      numErrors: 1,
      errors: [{ category: 'OBJECT_NOT_FOUND', message: 'gone', context: { ids: ['101'] } }],
    };
    await world.sandbox.control('failures', { path: '/crm/*/contacts/batch/read', status: 207, body });
    const { value } = await contacts.list({ properties: MANY, limit: 2 }).next();
    expect(value).toMatchObject({ id: '102', properties: { email: 'x@example.com' } });
    await world.sandbox.control('failures', { path: '/crm/*/contacts/batch/read', status: 207, body });
    await expect(contacts.get('101', MANY)).rejects.toMatchObject({ status: 404 });
  });

  it('fails with the error of its second request', async () => {
    const { contacts } = world.hubspot;
    const body = { category: 'MISSING_SCOPES', message: 'no' };
    await world.sandbox.control('failures', { path: '/crm/*/contacts/batch/read', status: 403, body });
    await expect(contacts.get('101', MANY)).rejects.toMatchObject({ status: 403 });
  });

  it.each(['contacts list', 'contacts get 101', 'contacts search --where email'])(
    'is used by the command %s',
    async (line) => {
      const read = async (names: string[]) => {
        const words = [...line.split(' '), '--properties', ['email', ...names].join(','), '--json'];
        const { output, problem } = await runInProcess(world.ctx, crmCommands, ...words);
        expect(problem).toBeUndefined();
        return JSON.parse(output);
      };
      expect(await read(MANY)).toEqual(await read([]));
    },
  );
});
