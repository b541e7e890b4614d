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

describe('contacts', () => {
  it('are created, read, changed and deleted', async () => {
    const created = await api('POST', contacts, {
      properties: { email: 'New.Person@example.com', firstname: '次郎' },
      associations: [],
    });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      archived: false,
      properties: { email: 'new.person@example.com', firstname: '次郎', hs_object_id: created.body.id },
    });
    const { id } = created.body;

    const changed = await api('PATCH', `${contacts}/${id}`, { properties: { firstname: '', phone: 5551 } });
    expect(changed.body.properties).toMatchObject({ phone: '5551' });
    const read = await api('GET', `${contacts}/${id}?properties=firstname,phone&properties=company,nonsense`);
    expect(read.body.properties).toEqual({
      company: null,
      createdate: expect.any(String),
      firstname: null,
      hs_object_id: id,
      lastmodifieddate: expect.any(String),
      phone: '5551',
    });

    expect((await api('DELETE', `${contacts}/${id}`)).status).toBe(204);
    expect((await api('GET', `${contacts}/${id}`)).status).toBe(404);
    expect((await api('GET', `${contacts}/${id}?archived=true`)).body.archived).toBe(true);
  });

  it('are found and changed by e-mail address', async () => {
    const path = `${contacts}/${encodeURIComponent('PRIYA+crm@example.com')}?idProperty=email`;
    expect((await api('GET', path)).body.id).toBe('105');
    expect((await api('PATCH', path, { properties: { lifecyclestage: 'lead' } })).body.id).toBe('105');
    expect((await api('GET', `${contacts}/x?idProperty=firstname`)).status).toBe(400);
  });

  it('include their history on request', async () => {
    await api('PATCH', `${contacts}/101`, { properties: { phone: '1' } });
    const { body } = await api('GET', `${contacts}/101?propertiesWithHistory=phone`);
    expect(body.propertiesWithHistory.phone.map(({ value }: { value: string }) => value)).toEqual([
      '1',
      '+1 617 555 0101',
    ]);
  });

  it('include at most fifty histories per request', async () => {
    const inputs = Array.from({ length: 51 }, (_, at) => ({ id: String(at) }));
    const read = { inputs, properties: [], propertiesWithHistory: ['phone'] };
    const batch = await api('POST', `${contacts}/batch/read`, read);
    const list = await api('GET', `${contacts}?limit=51&propertiesWithHistory=phone`);
    expect([batch.body.message, list.status]).toEqual([
      'The maximum number of inputs supported in a batch request for property histories is 50.',
      400,
    ]);
  });

  it('are listed in pages', async () => {
    const first = await api('GET', `${contacts}?limit=2`);
    expect(first.body.results.map(({ id }: { id: string }) => id)).toEqual(['101', '102']);
    const second = await api('GET', `${contacts}?limit=100&after=${first.body.paging.next.after}`);
    expect(second.body.results).toHaveLength(3);
    expect(second.body.paging).toBeUndefined();
    expect((await api('GET', `${contacts}?limit=101`)).body.category).toBe('VALIDATION_ERROR');
    expect(await api('GET', `${contacts}?after=x`)).toMatchObject({
      status: 400,
      body: { category: 'VALIDATION_ERROR', errors: [{ in: 'after' }] },
    });
  });

  it('have a unique e-mail address', async () => {
    const taken = await api('POST', contacts, { properties: { email: 'Jane@example.com' } });
    expect(taken.status).toBe(409);
    expect(taken.body).toMatchObject({
      category: 'CONFLICT',
      message: 'Contact already exists. Existing ID: 101',
    });
    const change = await api('PATCH', `${contacts}/102`, { properties: { email: 'jane@example.com' } });
    expect(change.status).toBe(409);
  });

  it.each([
    ['INVALID_EMAIL', { email: 'no address' }],
    ['PROPERTY_DOESNT_EXIST', { favourite_colour: 'green' }],
    ['PROPERTY_DOESNT_EXIST', { constructor: 'x' }],
    ['READ_ONLY_VALUE', { hs_object_id: '5' }],
    ['INVALID_OPTION', { lifecyclestage: 'friend' }],
    ['INVALID_DATE', { closedate: 'soon' }],
    ['INVALID_NUMERIC', { hubspotscore: 'many' }],
  ])('are rejected with %s', async (code, properties) => {
    const { status, body } = await api('POST', contacts, { properties });
    expect(status).toBe(400);
    expect(body).toMatchObject({ status: 'error', category: 'VALIDATION_ERROR', errors: [{ code }] });
  });

  describe.each([
    ['contacts', contacts, { email: 'stage@example.com' }],
    ['companies', '/crm/v3/objects/companies', { name: 'Stage Inc.' }],
  ])('of a lifecycle stage (%s)', (_type, path, properties) => {
    const make = async (stage: string): Promise<string> => {
      const { body } = await api('POST', path, { properties: { ...properties, lifecyclestage: stage } });
      return body.id;
    };
    const put = (id: string, stage: string) =>
      api('PATCH', `${path}/${id}`, { properties: { lifecyclestage: stage, city: 'Nara' } });
    const stageOf = async (id: string) =>
      (await api('GET', `${path}/${id}?properties=lifecyclestage`)).body.properties.lifecyclestage;

    beforeEach(async () => {
      api = hubspot.api((await hubspot.fullAccess()).access);
    });

    it('move forward', async () => {
      const id = await make('lead');
      expect((await put(id, 'customer')).body.properties.lifecyclestage).toBe('customer');
    });

    it('do not move back by an app, while the rest is written', async () => {
      const id = await make('customer');
      const { status, body } = await put(id, 'lead');
      expect([status, body.properties]).toMatchObject([200, { lifecyclestage: 'customer', city: 'Nara' }]);
      const inputs = [{ id, properties: { lifecyclestage: 'subscriber' } }];
      expect((await api('POST', `${path}/batch/update`, { inputs })).status).toBe(200);
      expect(await stageOf(id)).toBe('customer');
    });

    it('move back after being cleared', async () => {
      const id = await make('customer');
      await put(id, '');
      expect(await stageOf(id)).toBeNull();
      await put(id, 'lead');
      expect(await stageOf(id)).toBe('lead');
    });
  });

  it('do not exist for another portal', async () => {
    const other = hubspot.api((await hubspot.install(62516)).access);
    expect((await other('GET', `${contacts}/101`)).body).toMatchObject({
      status: 'error',
      category: 'OBJECT_NOT_FOUND',
      correlationId: expect.any(String),
    });
    expect((await other('POST', contacts, { properties: { email: 'jane@example.com' } })).status).toBe(201);
    expect((await other('GET', `${contacts}?limit=100`)).body.results).toHaveLength(4);
    expect((await api('GET', `${contacts}?limit=100`)).body.results).toHaveLength(5);
  });

  it('are merged: the first keeps its values and is found by both ids', async () => {
    const merged = await api('POST', `${contacts}/merge`, { primaryObjectId: '101', objectIdToMerge: '102' });
    expect(merged.body.properties.firstname).toBe('Jane');
    expect((await api('GET', `${contacts}/102`)).body.id).toBe('101');
  });

  it('are erased without a trace', async () => {
    expect(
      (await api('POST', `${contacts}/gdpr-delete`, { objectId: 'jane@example.com', idProperty: 'email' }))
        .status,
    ).toBe(204);
    expect((await api('GET', `${contacts}/101?archived=true`)).status).toBe(404);
  });

  it('respond to malformed JSON with HubSpot’s error', async () => {
    const response = await fetch(hubspot.url + contacts, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer x' },
      body: '{"properties":',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ status: 'error', category: 'VALIDATION_ERROR' });
  });
});

describe('other objects', () => {
  it.each([
    '/crm/v3/objects/contacts',
    '/crm/v3/objects/contact',
    '/crm/v3/objects/0-1',
    '/crm/objects/2026-03/0-1',
  ])('are accessible by every name of their type: %s', async (path) => {
    expect((await api('GET', `${path}/101`)).body.properties.email).toBe('jane@example.com');
  });

  it('have their own default properties', async () => {
    expect((await api('GET', '/crm/objects/2026-03/0-3/401')).body.properties).toMatchObject({
      dealname: 'Example Inc. – annual plan',
      amount: '12000',
    });
    expect((await api('GET', '/crm/v3/objects/companies/301')).body.properties.domain).toBe('example.com');
  });

  it('require their minimum properties', async () => {
    expect((await api('POST', '/crm/v3/objects/notes', { properties: { hs_note_body: 'x' } })).status).toBe(
      400,
    );
    const properties = { hs_note_body: 'x', hs_timestamp: new Date().toISOString() };
    expect((await api('POST', '/crm/v3/objects/notes', { properties })).status).toBe(201);
  });

  it('do not exist under unknown types, versions and paths', async () => {
    expect((await api('GET', '/crm/v3/objects/unicorns')).status).toBe(400);
    expect((await api('GET', '/crm/objects/2025-01/contacts')).status).toBe(404);
    expect((await api('GET', '/nothing/here')).body).toMatchObject({ status: 'error' });
  });
});
