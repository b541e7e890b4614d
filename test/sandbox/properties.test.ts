import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Hubspot, startHubspot } from './hubspot.ts';

let hubspot: Hubspot;
let api: ReturnType<Hubspot['api']>;
beforeAll(async () => {
  hubspot = await startHubspot();
});
afterAll(() => hubspot.close());
beforeEach(async () => {
  await hubspot.control('/reset', {});
  api = hubspot.api((await hubspot.fullAccess()).access);
});

const definitions = '/crm/properties/2026-09/contacts';
const contacts = '/crm/objects/2026-09/contacts';
const text = { label: 'Shoe size', groupName: 'contactinformation', type: 'string', fieldType: 'text' };
const option = (value: string) => ({ label: value, value, hidden: false, displayOrder: 0 });
const colours = {
  ...text,
  name: 'colours',
  type: 'enumeration',
  fieldType: 'checkbox',
  options: [option('red'), option('green')],
};
const create = (body: object) => api('POST', definitions, body);

describe('properties', () => {
  it.each(['/crm/v3/properties', '/crm/properties/2026-03', '/crm/properties/2026-09'])(
    'that HubSpot defines are listed below %s',
    async (base) => {
      const { body } = await api('GET', `${base}/contacts`);
      const email = body.results.find(({ name }: { name: string }) => name === 'email');
      expect(email).toMatchObject({
        type: 'string',
        fieldType: 'text',
        groupName: 'contactinformation',
        hubspotDefined: true,
        hasUniqueValue: true,
        archived: false,
        modificationMetadata: { readOnlyDefinition: true, readOnlyValue: false },
      });
      const stage = await api('GET', `${base}/contacts/lifecyclestage`);
      expect(stage.body.options).toContainEqual(expect.objectContaining({ value: 'customer' }));
    },
  );

  it('are added, changed, archived, and restored with their values', async () => {
    const created = await create({ ...text, name: 'shoe_size' });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ name: 'shoe_size', hubspotDefined: false, calculated: false });
    await api('PATCH', `${contacts}/101`, { properties: { shoe_size: '42' } });
    const changed = await api('PATCH', `${definitions}/shoe_size`, { label: 'Size', hasUniqueValue: true });
    expect(changed.body).toMatchObject({ label: 'Size', hasUniqueValue: false });

    expect((await api('DELETE', `${definitions}/shoe_size`)).status).toBe(204);
    expect((await api('DELETE', `${definitions}/shoe_size`)).status).toBe(404);
    expect((await api('GET', `${definitions}/shoe_size`)).status).toBe(404);
    expect((await api('GET', `${definitions}/shoe_size?archived=true`)).body.archived).toBe(true);
    const refused = await api('PATCH', `${contacts}/101`, { properties: { shoe_size: '43' } });
    expect(refused.body.errors[0].code).toBe('PROPERTY_DOESNT_EXIST');

    expect((await create({ ...text, name: 'shoe_size' })).status).toBe(201);
    const { body } = await api('GET', `${contacts}/101?properties=shoe_size`);
    expect(body.properties.shoe_size).toBe('42');
  });

  it('belong to one portal', async () => {
    await create({ ...text, name: 'shoe_size' });
    const other = hubspot.api((await hubspot.fullAccess(62516)).access);
    expect((await other('GET', `${definitions}/shoe_size`)).status).toBe(404);
    const refused = await other('PATCH', `${contacts}/201`, { properties: { shoe_size: '1' } });
    expect(refused.status).toBe(400);
  });

  it.each([
    ['a name that is taken', { ...text, name: 'email' }, 409],
    ['a name with capitals', { ...text, name: 'ShoeSize' }, 400],
    ['HubSpot’s prefix', { ...text, name: 'hs_x' }, 400],
    ['a group that is not there', { ...text, name: 'x', groupName: 'nowhere' }, 400],
    ['a field type of another type', { ...text, name: 'x', fieldType: 'checkbox' }, 400],
    ['an enumeration without options', { ...colours, options: [] }, 400],
    [
      'a boolean without its options',
      { ...text, name: 'x', type: 'bool', fieldType: 'booleancheckbox' },
      400,
    ],
    ['an unknown type', { ...text, name: 'x', type: 'json' }, 400],
    ['no label', { ...text, name: 'x', label: undefined }, 400],
  ])('are rejected with %s', async (_what, body, status) => {
    const answer = await create(body);
    expect([answer.status, answer.body.status]).toEqual([status, 'error']);
  });

  it('of HubSpot’s own cannot be changed', async () => {
    expect((await api('PATCH', `${definitions}/email`, { label: 'Mail' })).status).toBe(400);
    expect((await api('DELETE', `${definitions}/email`)).status).toBe(400);
  });

  it('check the values of records', async () => {
    await create(colours);
    await create({ ...text, name: 'born_on', type: 'date', fieldType: 'date' });
    const write = async (properties: object) =>
      (await api('PATCH', `${contacts}/101`, { properties })).body.errors?.[0].code;
    expect(await write({ colours: 'blue' })).toBe('INVALID_OPTION');
    expect(await write({ colours: 'red' })).toBeUndefined();
    expect(await write({ colours: ';green;red' })).toBeUndefined();
    expect(await write({ born_on: '1990-02-03T10:00:00Z' })).toBe('INVALID_DATE');
    expect(await write({ born_on: String(Date.UTC(1990, 1, 3)) })).toBeUndefined();
    expect(await write({ hubspot_owner_id: '1' })).toBe('INVALID_OWNER_ID');
    expect(await write({ hubspot_owner_id: '625151' })).toBeUndefined();
    const { body } = await api('GET', `${contacts}/101?properties=colours`);
    expect(body.properties.colours).toBe('red;green');
  });

  it('can be searched and sorted by', async () => {
    await create({ ...text, name: 'score', type: 'number', fieldType: 'number' });
    await api('PATCH', `${contacts}/101`, { properties: { score: 9 } });
    await api('PATCH', `${contacts}/102`, { properties: { score: 10 } });
    const filters = [{ propertyName: 'score', operator: 'GTE', value: '9' }];
    const { body } = await api('POST', `${contacts}/search`, {
      filterGroups: [{ filters }],
      sorts: [{ propertyName: 'score', direction: 'DESCENDING' }],
    });
    expect(body.results.map(({ id }: { id: string }) => id)).toEqual(['102', '101']);
  });
});

describe('a property with unique values', () => {
  const companies = '/crm/objects/2026-09/companies';
  beforeEach(() =>
    api('POST', '/crm/properties/2026-09/companies', {
      ...text,
      name: 'customer_number',
      groupName: 'companyinformation',
      hasUniqueValue: true,
    }),
  );

  it('finds, changes and upserts records', async () => {
    const input = (id: string, name: string) => ({ id, idProperty: 'customer_number', properties: { name } });
    const first = await api('POST', `${companies}/batch/upsert`, { inputs: [input('C1', 'One')] });
    expect(first.body.results[0]).toMatchObject({ new: true, properties: { customer_number: 'C1' } });
    const again = await api('POST', `${companies}/batch/upsert`, {
      inputs: [input('C1', 'Uno'), { ...input('C2', 'Two'), objectWriteTraceId: 't' }],
    });
    expect(again.body.results).toMatchObject([{ new: false }, { new: true, objectWriteTraceId: 't' }]);
    const found = await api('GET', `${companies}/C1?idProperty=customer_number`);
    expect(found.body.properties.name).toBe('Uno');
  });

  it('is unique across records', async () => {
    const properties = { name: 'One', customer_number: 'C1' };
    expect((await api('POST', companies, { properties })).status).toBe(201);
    expect((await api('POST', companies, { properties })).status).toBe(409);
    expect((await api('GET', `${companies}/x?idProperty=name`)).status).toBe(400);
  });
});

describe('batches of properties', () => {
  it.each([
    ['/crm/v3/properties', 201],
    ['/crm/properties/2026-09', 200],
  ])('are created, read and archived below %s', async (base, status) => {
    const path = `${base}/contacts/batch`;
    const inputs = [
      { ...text, name: 'one' },
      { ...text, name: 'two' },
    ];
    const created = await api('POST', `${path}/create`, { inputs });
    expect([created.status, created.body.results.length]).toEqual([status, 2]);
    const partly = await api('POST', `${path}/create`, { inputs: [...inputs, { ...text, name: 'three' }] });
    expect(partly.status).toBe(207);
    expect(partly.body).toMatchObject({ numErrors: 2, errors: [{ category: 'OBJECT_ALREADY_EXISTS' }, {}] });
    const names = [{ name: 'one' }, { name: 'none' }];
    const body = { inputs: names, archived: false, dataSensitivity: 'non_sensitive' };
    const read = await api('POST', `${path}/read`, body);
    expect([read.status, read.body.results[0].name]).toEqual([207, 'one']);
    expect((await api('POST', `${path}/archive`, { inputs: names })).status).toBe(204);
    expect((await api('GET', `${base}/contacts/one`)).status).toBe(404);
  });
});

describe('property groups', () => {
  it('are added, changed and deleted when they are empty', async () => {
    const groups = `${definitions}/groups`;
    const created = await api('POST', groups, { name: 'shoes', label: 'Shoes' });
    expect([created.status, created.body]).toEqual([
      201,
      { name: 'shoes', label: 'Shoes', displayOrder: -1, archived: false },
    ]);
    expect((await api('POST', groups, { name: 'shoes', label: 'Shoes' })).status).toBe(409);
    expect((await api('PATCH', `${groups}/shoes`, { label: 'Footwear' })).body.label).toBe('Footwear');
    expect((await api('GET', groups)).body.results).toHaveLength(2);
    await create({ ...text, name: 'shoe_size', groupName: 'shoes' });
    const refused = await api('DELETE', `${groups}/shoes`);
    expect(refused.body.subCategory).toBe('PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES');
    await api('DELETE', `${definitions}/shoe_size`);
    expect((await api('DELETE', `${groups}/shoes`)).status).toBe(204);
    expect((await api('GET', `${groups}/shoes`)).status).toBe(404);
  });
});
