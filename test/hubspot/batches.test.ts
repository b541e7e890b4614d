import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CrmWorld, startCrmWorld } from '../helpers/crm-world.ts';

describe('batches', () => {
  let world: CrmWorld;
  let hubspot: CrmWorld['hubspot'];
  beforeAll(async () => {
    world = await startCrmWorld();
    hubspot = world.hubspot;
  });
  afterAll(() => world.close());

  const company = (name: string) => ({ properties: { name } });

  it('are sent a hundred at a time, with progress, and told of in order', async () => {
    const names = Array.from({ length: 250 }, (_, at) => `Company ${at}`);
    const progress: number[] = [];
    let outcomes: { result?: { properties: Record<string, string | null> } | undefined }[] = [];
    const requests = await world.requestsOf(async () => {
      outcomes = await hubspot.companies.batchCreate(names.map(company), (done) => progress.push(done));
    });
    expect(requests.map(({ body }) => body.inputs.length)).toEqual([100, 100, 50]);
    expect(progress).toEqual([100, 200, 250]);
    expect(outcomes.map(({ result }) => result?.properties.name)).toEqual(names);
  });

  it('say which inputs failed and why, while the others are written', async () => {
    const outcomes = await hubspot.companies.batchCreate([
      company('Good'),
      { properties: { name: 'Bad', numberofemployees: 'many' } },
      company('Good too'),
    ]);
    expect(outcomes.map(({ failure }) => failure?.message)).toEqual([
      undefined,
      expect.stringContaining('many was not a valid number'),
      undefined,
    ]);
    expect(outcomes[1]?.failure?.category).toBe('VALIDATION_ERROR');
  });

  it('upsert by address, and halve a refused request until the address to blame is alone', async () => {
    const inputs = ['a@batch.example', 'not an address', 'jane@example.com', 'b@batch.example'].map((id) => ({
      id,
      properties: { lastname: 'Batch' },
    }));
    const outcomes = await hubspot.contacts.batchUpsert('email', inputs);
    expect(outcomes.map(({ failure }) => failure?.message ?? 'written')).toEqual([
      'written',
      expect.stringContaining('invalid'),
      'written',
      'written',
    ]);
    expect(outcomes[2]?.result?.id).toBe('101');
    expect((await hubspot.contacts.getByEmail('b@batch.example')).properties.lastname).toBe('Batch');
  });

  it('update by id or by a unique property', async () => {
    const byId = await hubspot.companies.batchUpdate([
      { id: '301', properties: { city: 'Kobe' } },
      { id: '999999', properties: { city: 'Nowhere' } },
    ]);
    expect(byId.map(({ failure }) => failure?.category)).toEqual([undefined, 'OBJECT_NOT_FOUND']);
    const byEmail = await hubspot.contacts.batchUpdate(
      [{ id: 'Jane@Example.com', properties: { jobtitle: 'CEO' } }],
      { idProperty: 'email' },
    );
    expect(byEmail[0]?.result?.id).toBe('101');
  });

  it('read by id or by address and tell what is missing', async () => {
    const byId = await hubspot.contacts.batchRead(['101', '999999'], ['firstname']);
    expect(byId.map(({ input, result }) => [input, result?.properties.firstname])).toEqual([
      ['101', 'Jane'],
      ['999999', undefined],
    ]);
    const byEmail = await hubspot.contacts.batchRead(['JANE@example.com', 'no@example.com'], [], {
      idProperty: 'email',
    });
    expect(byEmail.map(({ result }) => result?.id)).toEqual(['101', undefined]);
    expect(byEmail[1]?.failure?.category).toBe('OBJECT_NOT_FOUND');
  });

  it('archive', async () => {
    const [made] = await hubspot.companies.batchCreate([company('Short-lived')]);
    const id = made?.result?.id ?? '';
    expect(await hubspot.companies.batchArchive([id])).toEqual([{ input: id, result: true }]);
    await expect(hubspot.companies.get(id)).rejects.toMatchObject({ status: 404 });
  });

  it('lose only the inputs of the request that failed, and never send a create twice', async () => {
    const path = '/crm/objects/2026-09/companies/batch/create';
    await world.sandbox.control('failures', { method: 'POST', path, status: 500, body: {}, times: 1 });
    const inputs = Array.from({ length: 150 }, (_, at) => company(`Lost ${at}`));
    let failed: number[] = [];
    const requests = await world.requestsOf(async () => {
      const outcomes = await hubspot.companies.batchCreate(inputs);
      failed = outcomes.flatMap(({ failure }, index) => (failure ? [index] : []));
    });
    expect(failed).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(requests).toHaveLength(2);
  });

  it('stop where HubSpot does not let us in, and say what was not sent', async () => {
    const path = '/crm/objects/2026-09/companies/batch/create';
    await world.sandbox.control('failures', { method: 'POST', path, status: 403, body: {}, times: 1 });
    const inputs = Array.from({ length: 150 }, (_, at) => company(`Forbidden ${at}`));
    const outcomes = await hubspot.companies.batchCreate(inputs);
    expect(outcomes).toHaveLength(150);
    expect(outcomes[149]?.failure?.message).toMatch(/^not sent, after: HubSpot: POST .* 403/);
  });
  it('give up after three requests in a row that HubSpot failed', async () => {
    const path = '/crm/objects/2026-09/companies/batch/create';
    await world.sandbox.control('failures', { method: 'POST', path, status: 500, body: {}, times: 3 });
    const inputs = Array.from({ length: 450 }, (_, at) => company(`Down ${at}`));
    let messages: (string | undefined)[] = [];
    const requests = await world.requestsOf(async () => {
      messages = (await hubspot.companies.batchCreate(inputs)).map(({ failure }) => failure?.message);
    });
    expect(requests).toHaveLength(3);
    expect(messages.filter((text) => text?.startsWith('not sent, after: '))).toHaveLength(150);
  });
});
