import { Client } from '@hubspot/api-client';
import { ObjectTypePropertyCreateTypeEnum as Type } from '@hubspot/api-client/lib/codegen/crm/schemas/models/ObjectTypePropertyCreate.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Hubspot, startHubspot } from './hubspot.ts';

const PATH = '/crm-object-schemas/2026-03/schemas';
const boat = {
  name: 'boat',
  labels: { singular: 'Boat', plural: 'Boats' },
  primaryDisplayProperty: 'name',
  requiredProperties: ['name'],
  searchableProperties: ['name'],
  properties: [
    { name: 'name', label: 'Name', type: 'string', fieldType: 'text' },
    { name: 'hull', label: 'Hull number', type: 'string', fieldType: 'text', hasUniqueValue: true },
  ],
  associatedObjects: ['CONTACT'],
};

describe('custom object types', () => {
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

  it.each([PATH, '/crm-object-schemas/v3/schemas', '/crm/v3/schemas'])(
    'are defined below %s',
    async (path) => {
      const made = await api('POST', path, boat);
      expect([made.status, made.body]).toEqual([
        201,
        expect.objectContaining({ objectTypeId: '2-30002', fullyQualifiedName: 'p62515_boat' }),
      ]);
      const read = await api('GET', `${path}/p_boat`);
      expect(read.body.properties.map(({ name }: { name: string }) => name)).toContain('hull');
      expect(read.body.associations).toContainEqual(
        expect.objectContaining({
          fromObjectTypeId: '2-30002',
          toObjectTypeId: '0-1',
          name: 'boat_to_contact',
        }),
      );
      const { body } = await api('GET', path);
      expect(body.results.map(({ name }: { name: string }) => name)).toEqual(['machine', 'boat']);
    },
  );

  it('have records with the required properties of the schema', async () => {
    await api('POST', PATH, boat);
    const records = '/crm/objects/2026-09/2-30002';
    const nameless = await api('POST', records, { properties: { hull: '1' } });
    expect(nameless.body.errors[0].context.properties).toEqual(['name']);
    const made = await api('POST', records, { properties: { name: 'Swift', hull: '1' } });
    const twice = await api('POST', records, { properties: { name: 'Slow', hull: '1' } });
    expect([made.status, twice.status]).toEqual([201, 409]);
    const byHull = await api('GET', '/crm/objects/2026-09/p62515_boat/1?idProperty=hull&properties=name');
    expect(byHull.body.properties).toMatchObject({ name: 'Swift' });
    const link = `/crm/objects/2026-09/2-30002/${made.body.id}/associations/default/contacts/101`;
    expect((await api('PUT', link)).status).toBe(200);
    const found = await api('POST', '/crm/objects/2026-09/contacts/search', {
      filterGroups: [
        { filters: [{ propertyName: 'associations.p62515_boat', operator: 'EQ', value: made.body.id }] },
      ],
    });
    expect(found.body.results).toMatchObject([{ id: '101' }]);
    const refused = await api('DELETE', `${PATH}/2-30002`);
    expect(refused.status).toBe(400);
    await api('DELETE', `${records}/${made.body.id}`);
    expect((await api('DELETE', `${PATH}/2-30002`)).status).toBe(204);
    expect((await api('GET', records)).status).toBe(400);
  });

  it('belong to one account', async () => {
    const other = hubspot.api((await hubspot.fullAccess(62516)).access);
    expect((await other('GET', PATH)).body.results).toEqual([]);
    expect((await other('GET', '/crm/objects/2026-09/2-30001')).status).toBe(400);
  });

  it('need the scopes of custom objects', async () => {
    const { access } = await hubspot.install();
    const narrow = hubspot.api(access);
    for (const [method, path, scope] of [
      ['GET', PATH, 'crm.schemas.custom.read'],
      ['POST', PATH, 'crm.schemas.custom.write'],
      ['GET', '/crm/objects/2026-09/2-30001', 'crm.objects.custom.read'],
      ['GET', '/crm/objects/2026-09/line_items', 'crm.objects.line_items.read'],
      ['GET', '/crm/objects/2026-09/products', 'crm.objects.products.read'],
      ['GET', '/crm/objects/2026-09/quotes', 'crm.objects.quotes.read'],
    ] as const) {
      const { status, body } = await narrow(method, path);
      expect([status, body.errors[0].context.requiredGranularScopes]).toEqual([403, [scope]]);
    }
  });

  it.each([
    ['a name with blanks', { name: 'my boat' }],
    ['no properties', { properties: [] }],
    ['a required property that it does not define', { requiredProperties: ['mast'] }],
    ['an unknown type to associate with', { associatedObjects: ['PLANET'] }],
  ])('are rejected with %s', async (_, change) => {
    const { status, body } = await api('POST', PATH, { ...boat, ...change });
    expect([status, body.category]).toEqual([400, 'VALIDATION_ERROR']);
    expect((await api('GET', PATH)).body.results).toHaveLength(1);
  });

  it('are unique', async () => {
    expect((await api('POST', PATH, { ...boat, name: 'Machine' })).status).toBe(409);
  });

  it('are read by HubSpot’s own client', async () => {
    const { access } = await hubspot.fullAccess();
    const client = new Client({ basePath: hubspot.url, limiterOptions: {}, accessToken: access });
    const { results } = await client.crm.schemas.coreApi.getAll();
    expect(results.map(({ objectTypeId }) => objectTypeId)).toEqual(['2-30001']);
    const made = await client.crm.schemas.coreApi.create({
      ...boat,
      properties: boat.properties.map((it) => ({ ...it, type: Type.String })),
    });
    expect(made.fullyQualifiedName).toBe('p62515_boat');
  });
});
