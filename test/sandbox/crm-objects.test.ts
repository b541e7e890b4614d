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
const search = (body: unknown) => api('POST', `${contacts}/search`, body);
const emailsFor = async (...filters: unknown[]) => {
  const { body } = await search({ filterGroups: [{ filters }], properties: ['email'], limit: 200 });
  return body.results.map((result: { properties: { email: string } }) => result.properties.email);
};

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

  it('show their history when asked', async () => {
    await api('PATCH', `${contacts}/101`, { properties: { phone: '1' } });
    const { body } = await api('GET', `${contacts}/101?propertiesWithHistory=phone`);
    expect(body.propertiesWithHistory.phone.map(({ value }: { value: string }) => value)).toEqual([
      '1',
      '+1 617 555 0101',
    ]);
  });

  it('show no more than fifty histories at once', async () => {
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
  ])('are refused with %s', async (code, properties) => {
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

    it('stay where they are when an app moves them back, and the rest is written', async () => {
      const id = await make('customer');
      const { status, body } = await put(id, 'lead');
      expect([status, body.properties]).toMatchObject([200, { lifecyclestage: 'customer', city: 'Nara' }]);
      const inputs = [{ id, properties: { lifecyclestage: 'subscriber' } }];
      expect((await api('POST', `${path}/batch/update`, { inputs })).status).toBe(200);
      expect(await stageOf(id)).toBe('customer');
    });

    it('move back after they were cleared', async () => {
      const id = await make('customer');
      await put(id, '');
      expect(await stageOf(id)).toBeNull();
      await put(id, 'lead');
      expect(await stageOf(id)).toBe('lead');
    });
  });

  describe('with further addresses', () => {
    const FURTHER = 'hs_additional_emails';
    const addresses = async (id: string) => {
      const { properties } = (await api('GET', `${contacts}/${id}?properties=email,${FURTHER}`)).body;
      return [properties.email, properties[FURTHER]];
    };
    const conflict = (id: string) => ({
      category: 'CONFLICT',
      message: `Contact already exists. Existing ID: ${id}`,
    });
    beforeEach(async () => {
      const properties = { [FURTHER]: 'Jane@Work.example; doe@example.com' };
      expect((await api('PATCH', `${contacts}/101`, { properties })).status).toBe(200);
    });

    it('are found, changed and upserted by each of them', async () => {
      expect(await addresses('101')).toEqual(['jane@example.com', 'jane@work.example;doe@example.com']);
      const byFurther = `${contacts}/JANE@work.example?idProperty=email`;
      expect((await api('GET', byFurther)).body.id).toBe('101');
      expect((await api('PATCH', byFurther, { properties: { city: 'Boston' } })).body.id).toBe('101');
      const inputs = [{ id: 'doe@example.com', idProperty: 'email', properties: { city: 'Nara' } }];
      expect((await api('POST', `${contacts}/batch/upsert`, { inputs })).body.results).toMatchObject([
        { id: '101', new: false },
      ]);
      const read = { idProperty: 'email', inputs: [{ id: 'doe@example.com' }] };
      expect((await api('POST', `${contacts}/batch/read`, read)).body.results).toMatchObject([{ id: '101' }]);
      const filter = { propertyName: 'email', operator: 'EQ', value: 'doe@example.com' };
      expect(await emailsFor(filter)).toEqual(['jane@example.com']);
    });

    it('leave each of them to no other contact', async () => {
      for (const email of ['jane@work.example', 'doe@example.com']) {
        for (const properties of [{ email }, { [FURTHER]: `else@example.com;${email}` }]) {
          const made = await api('POST', contacts, { properties });
          expect([made.status, made.body]).toMatchObject([409, conflict('101')]);
          const changed = await api('PATCH', `${contacts}/102`, { properties });
          expect([changed.status, changed.body]).toMatchObject([409, conflict('101')]);
        }
      }
      const first = await api('PATCH', `${contacts}/102`, { properties: { [FURTHER]: 'jane@example.com' } });
      expect([first.status, first.body]).toMatchObject([409, conflict('101')]);
      const inputs = [{ email: 'new@example.com' }, { [FURTHER]: 'new@example.com' }].map((properties) => ({
        properties,
      }));
      expect((await api('POST', `${contacts}/batch/create`, { inputs })).status).toBe(409);
    });

    it('give up those that are taken away', async () => {
      await api('PATCH', `${contacts}/101`, { properties: { [FURTHER]: 'doe@example.com' } });
      const { status } = await api('POST', contacts, { properties: { email: 'jane@work.example' } });
      expect(status).toBe(201);
      await api('DELETE', `${contacts}/101`);
      expect((await api('POST', contacts, { properties: { email: 'doe@example.com' } })).status).toBe(201);
    });

    it('get one more without repeating the others, and refuse what is no address', async () => {
      await api('PATCH', `${contacts}/101`, { properties: { [FURTHER]: ';third@example.com' } });
      expect((await addresses('101'))[1]).toBe('jane@work.example;doe@example.com;third@example.com');
      const properties = { [FURTHER]: 'fourth@example.com;jane@nowhere.invalidtld' };
      expect((await api('PATCH', `${contacts}/101`, { properties })).body.errors).toMatchObject([
        { code: 'INVALID_EMAIL', message: 'Email address jane@nowhere.invalidtld is invalid' },
      ]);
    });

    it('change the first one for another of their own', async () => {
      await api('PATCH', `${contacts}/101`, { properties: { email: 'doe@example.com' } });
      expect(await addresses('101')).toEqual(['doe@example.com', 'jane@example.com;jane@work.example']);
    });

    it('keep the addresses of a contact that is merged into them', async () => {
      await api('POST', `${contacts}/merge`, { primaryObjectId: '102', objectIdToMerge: '101' });
      expect(await addresses('102')).toEqual([
        'taro.yamada@example.com',
        'jane@example.com;jane@work.example;doe@example.com',
      ]);
      expect((await api('GET', `${contacts}/jane@example.com?idProperty=email`)).body.id).toBe('102');
    });
  });

  const refused = [
    'jane@nowhere.invalidtld',
    'jane@gmail.con',
    'jane@hospital.nhs.ik',
    'jane@com',
    'jane@192.0.2.1',
    'jane@[192.0.2.1]',
    '"Jane Doe"@example.com',
    'jane.@example.com',
    'jane..doe@example.com',
    'jane doe@example.com',
    'jane@doe@example.com',
    'jane@-example.com',
    'jane@example..com',
    '@example.com',
    'jäne@example.com',
  ];
  it.each(refused)('are refused with the address %s, in HubSpot’s words', async (email) => {
    const message = `Email address ${email} is invalid`;
    const invalid = { category: 'VALIDATION_ERROR', errors: [{ code: 'INVALID_EMAIL', message }] };
    const writes = [
      await api('POST', contacts, { properties: { email } }),
      await api('PATCH', `${contacts}/101`, { properties: { email } }),
      await api('PATCH', `${contacts}/jane@example.com?idProperty=email`, { properties: { email } }),
      await api('POST', `${contacts}/batch/create`, { inputs: [{ properties: { email } }] }),
      await api('POST', `${contacts}/batch/update`, { inputs: [{ id: '101', properties: { email } }] }),
      await api('POST', `${contacts}/batch/upsert`, {
        inputs: [{ id: email, idProperty: 'email', properties: { lastname: 'x' } }],
      }),
    ];
    for (const { status, body } of writes) expect([status, body]).toMatchObject([400, invalid]);
    const traced = { inputs: [{ properties: { email }, objectWriteTraceId: 'a' }] };
    const alone = await api('POST', `${contacts}/batch/create`, traced);
    expect(alone.body).toMatchObject({ results: [], errors: [{ category: 'VALIDATION_ERROR' }] });
    expect(alone.body.errors[0].message).toContain('INVALID_EMAIL');
  });

  it.each([
    'Jane@Startup.VENTURES',
    'jane@studio.design',
    "miles.o'brien+ds9@sub.example.co.uk",
    'user@email.삼성',
    'user@bücher.example',
    ' spaces.around@example.com ',
  ])('are taken with the address %s', async (email) => {
    const { status, body } = await api('POST', contacts, { properties: { email } });
    expect([status, body.properties?.email]).toEqual([201, email.trim().toLowerCase()]);
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

  it('are merged: the first keeps its values and answers to both ids', async () => {
    const merged = await api('POST', `${contacts}/merge`, { primaryObjectId: '101', objectIdToMerge: '102' });
    expect(merged.body.properties.firstname).toBe('Jane');
    expect((await api('GET', `${contacts}/102`)).body.id).toBe('101');
  });

  it('are deleted for privacy without a trace', async () => {
    expect(
      (await api('POST', `${contacts}/gdpr-delete`, { objectId: 'jane@example.com', idProperty: 'email' }))
        .status,
    ).toBe(204);
    expect((await api('GET', `${contacts}/101?archived=true`)).status).toBe(404);
  });

  it('answer to malformed JSON with HubSpot’s error', async () => {
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
  ])('are reached by every name of their type: %s', async (path) => {
    expect((await api('GET', `${path}/101`)).body.properties.email).toBe('jane@example.com');
  });

  it('have their own default properties', async () => {
    expect((await api('GET', '/crm/objects/2026-03/0-3/401')).body.properties).toMatchObject({
      dealname: 'Example Inc. – annual plan',
      amount: '12000',
    });
    expect((await api('GET', '/crm/v3/objects/companies/301')).body.properties.domain).toBe('example.com');
  });

  it('need their minimum properties', async () => {
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

  it('are refused as a whole when two inputs are about one record', async () => {
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

  it('succeed in part with trace ids', async () => {
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

  it('read by id and by e-mail address, and name what is missing', async () => {
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

  it('hold at most 100 inputs', async () => {
    const inputs = Array.from({ length: 101 }, (_, index) => ({ id: String(index) }));
    expect((await api('POST', `${contacts}/batch/read`, { inputs })).body.category).toBe('VALIDATION_ERROR');
  });
});

describe('search', () => {
  it.each([
    [{ propertyName: 'email', operator: 'EQ', value: 'JANE@example.com' }, ['jane@example.com']],
    [
      { propertyName: 'lifecyclestage', operator: 'IN', values: ['customer', 'lead'] },
      ['jane@example.com', 'miguel.santos@example.com'],
    ],
    [{ propertyName: 'firstname', operator: 'IN', values: ['jane'] }, ['jane@example.com']],
    [{ propertyName: 'firstname', operator: 'IN', values: ['Jane'] }, []],
    [{ propertyName: 'hs_object_id', operator: 'GT', value: '104' }, ['priya+crm@example.com']],
    [{ propertyName: 'hs_object_id', operator: 'LTE', value: '101' }, ['jane@example.com']],
    [
      { propertyName: 'hs_object_id', operator: 'BETWEEN', value: '101', highValue: '102' },
      ['jane@example.com', 'taro.yamada@example.com'],
    ],
    [{ propertyName: 'email', operator: 'CONTAINS_TOKEN', value: 'jane' }, ['jane@example.com']],
    [{ propertyName: 'email', operator: 'CONTAINS_TOKEN', value: '*yamada*' }, ['taro.yamada@example.com']],
    [
      { propertyName: 'company', operator: 'NOT_CONTAINS_TOKEN', value: 'example' },
      ['taro.yamada@example.com'],
    ],
    [{ propertyName: 'fax', operator: 'HAS_PROPERTY' }, []],
    [{ propertyName: 'createdate', operator: 'LT', value: '2020-01-01' }, []],
  ])('finds by %j', async (filter, emails) => {
    expect(await emailsFor(filter)).toEqual(emails);
  });

  it('finds the rest by the opposite operators', async () => {
    expect(await emailsFor({ propertyName: 'firstname', operator: 'NEQ', value: 'jane' })).toHaveLength(4);
    expect(await emailsFor({ propertyName: 'firstname', operator: 'NOT_IN', values: ['jane'] })).toHaveLength(
      4,
    );
    expect(await emailsFor({ propertyName: 'fax', operator: 'NOT_HAS_PROPERTY' })).toHaveLength(5);
  });

  it('joins filters with and, groups with or', async () => {
    const stage = (value: string) => ({ propertyName: 'lifecyclestage', operator: 'EQ', value });
    const name = { propertyName: 'firstname', operator: 'EQ', value: 'Jane' };
    const { body } = await search({
      filterGroups: [
        { filters: [stage('lead'), name] },
        { filters: [stage('customer'), name] },
        { filters: [stage('opportunity')] },
      ],
    });
    expect(body.total).toBe(2);
  });

  it('sorts, pages and looks for words', async () => {
    const sorts = [{ propertyName: 'firstname', direction: 'DESCENDING' }];
    const first = await search({ query: 'example.com', sorts, limit: 2, after: 0 });
    expect(first.body.total).toBe(5);
    expect(first.body.results[0].properties.firstname).toBe('太郎');
    expect(first.body.paging).toEqual({ next: { after: '2' } });
    const last = await search({ query: 'example.com', sorts, limit: 2, after: '4' });
    expect(last.body.results[0].properties.firstname).toBe('Aoife');
    expect(last.body.paging).toBeUndefined();
  });

  it('does not find what is in the recycle bin', async () => {
    await api('DELETE', `${contacts}/101`);
    expect(await emailsFor({ propertyName: 'firstname', operator: 'EQ', value: 'jane' })).toEqual([]);
  });

  const filter = { propertyName: 'email', operator: 'HAS_PROPERTY' };
  const group = (count: number) => ({ filters: Array.from({ length: count }, () => filter) });
  it.each([
    ['six groups', { filterGroups: Array.from({ length: 6 }, () => group(1)) }],
    ['seven filters in a group', { filterGroups: [group(7)] }],
    ['nineteen filters', { filterGroups: [group(5), group(5), group(5), group(4)] }],
    ['201 results', { limit: 201 }],
    ['results after the ten thousandth', { after: '9999', limit: 2 }],
    ['two sorts', { sorts: ['firstname', 'lastname'] }],
    ['an unknown operator', { filterGroups: [{ filters: [{ ...filter, operator: 'LIKE', value: 'x' }] }] }],
    ['a filter without its value', { filterGroups: [{ filters: [{ ...filter, operator: 'EQ' }] }] }],
    ['an unknown property', { filterGroups: [{ filters: [{ ...filter, propertyName: 'nonsense' }] }] }],
    ['a long body', { properties: Array.from({ length: 300 }, () => 'lifecyclestage') }],
  ])('refuses %s', async (_what, body) => {
    // Each refusal counts against five searches a second.
    await hubspot.call('PUT', '/_sandbox/app', { searchRateLimit: null });
    const answer = await search(body);
    expect([answer.status, answer.body.category]).toEqual([400, 'VALIDATION_ERROR']);
  });
});
