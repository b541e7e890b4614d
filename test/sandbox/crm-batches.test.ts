import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Hubspot, requiredScopes, startHubspot } from './hubspot.ts';

let hubspot: Hubspot;
let api: ReturnType<Hubspot['api']>;
beforeAll(async () => {
  hubspot = await startHubspot();
});
afterAll(() => hubspot.close());
beforeEach(async () => {
  await hubspot.control('/reset', {});
  const scope = `${requiredScopes} crm.objects.companies.read crm.objects.deals.read`;
  api = hubspot.api((await hubspot.install(62515, scope)).access);
});

const contacts = '/crm/objects/2026-09/contacts';

describe('batches', () => {
  const input = (email: string) => ({ properties: { email }, associations: [] });

  it('create, and fail as a whole without trace ids', async () => {
    const created = await api('POST', `${contacts}/batch/create`, {
      inputs: [input('a@x.example'), input('b@x.example')],
    });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ status: 'COMPLETE', results: [{}, {}] });
    const failed = await api('POST', `${contacts}/batch/create`, {
      inputs: [input('c@x.example'), input('bad')],
    });
    expect(failed.status).toBe(400);
    const twice = await api('POST', `${contacts}/batch/create`, {
      inputs: [input('c@x.example'), input('C@x.example')],
    });
    expect(twice.status).toBe(409);
    const update = (id: string, firstname: string) => ({ id, properties: { firstname } });
    const updated = await api('POST', `${contacts}/batch/update`, {
      inputs: [update('101', 'X'), update('9', 'Y')],
    });
    expect(updated.status).toBe(404);
    expect((await api('GET', `${contacts}/c@x.example?idProperty=email`)).status).toBe(404);
    expect((await api('GET', `${contacts}/101`)).body.properties.firstname).toBe('Jane');
  });

  it('are rejected as a whole when two inputs are about the same record', async () => {
    const byEmail = (id: string) => ({ id, idProperty: 'email', properties: { phone: '1' } });
    for (const ids of [
      ['jane@example.com', 'Jane@example.com'],
      ['new@example.com', 'NEW@example.com'],
    ]) {
      expect(await api('POST', `${contacts}/batch/upsert`, { inputs: ids.map(byEmail) })).toMatchObject({
        status: 400,
        body: { category: 'VALIDATION_ERROR', context: { ids: [ids[1]] } },
      });
    }
    const traced = [byEmail('jane@example.com'), { id: '101', properties: {} }].map((input, index) => {
      return { ...input, objectWriteTraceId: String(index) };
    });
    expect((await api('POST', `${contacts}/batch/update`, { inputs: traced })).status).toBe(400);
  });

  it('succeed partly with trace ids', async () => {
    const inputs = [
      { ...input('c@x.example'), objectWriteTraceId: '1' },
      { ...input('jane@example.com'), objectWriteTraceId: '2' },
    ];
    const { status, body } = await api('POST', `${contacts}/batch/create`, { inputs });
    expect(status).toBe(207);
    expect(body).toMatchObject({
      results: [{ objectWriteTraceId: '1' }],
      numErrors: 1,
      errors: [{ category: 'CONFLICT', context: { objectWriteTraceId: ['2'] } }],
    });
  });

  it('read by id and by e-mail address, and report missing records', async () => {
    const byId = await api('POST', `${contacts}/batch/read`, {
      inputs: [{ id: '101' }, { id: '9' }],
      properties: ['phone'],
    });
    expect(byId.status).toBe(207);
    expect(byId.body.results[0].properties.phone).toBe('+1 617 555 0101');
    expect(byId.body.errors[0]).toMatchObject({ category: 'OBJECT_NOT_FOUND', context: { ids: ['9'] } });
    const byEmail = await api('POST', `${contacts}/batch/read`, {
      idProperty: 'email',
      inputs: [{ id: 'jane@example.com' }],
    });
    expect([byEmail.status, byEmail.body.results[0].id]).toEqual([200, '101']);
  });

  it('update, upsert and archive', async () => {
    const updated = await api('POST', `${contacts}/batch/update`, {
      inputs: [{ id: 'jane@example.com', idProperty: 'email', properties: { firstname: 'Janet' } }],
    });
    expect(updated.body.results[0].properties.firstname).toBe('Janet');
    const upserted = await api('POST', `${contacts}/batch/upsert`, {
      inputs: [
        { id: 'jane@example.com', idProperty: 'email', properties: { phone: '1' } },
        { id: 'fresh@example.com', idProperty: 'email', properties: { phone: '2' } },
      ],
    });
    expect(upserted.body.results.map((result: { new: boolean }) => result.new)).toEqual([false, true]);
    expect(
      (await api('POST', `${contacts}/batch/archive`, { inputs: [{ id: '101' }, { id: '9' }] })).status,
    ).toBe(204);
    expect((await api('GET', `${contacts}/101`)).status).toBe(404);
  });

  it('have at most 100 inputs', async () => {
    const inputs = Array.from({ length: 101 }, (_, index) => ({ id: String(index) }));
    expect((await api('POST', `${contacts}/batch/read`, { inputs })).body.category).toBe('VALIDATION_ERROR');
  });
});
