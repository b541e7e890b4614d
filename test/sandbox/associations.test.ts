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

const hubspotDefined = (associationTypeId: number) => ({
  associationCategory: 'HUBSPOT_DEFINED',
  associationTypeId,
});
const objects = '/crm/objects/2026-09';
const batch = (from: string, to: string, verb: string, inputs: unknown[], version = '2026-09') => {
  const base = version === 'v4' ? '/crm/v4/associations' : `/crm/associations/${version}`;
  return api('POST', `${base}/${from}/${to}/batch/${verb}`, { inputs });
};
const pair = (from: string, to: string) => ({ from: { id: from }, to: { id: to } });
async function typeIds(from: string, to: string): Promise<Record<string, number[]>> {
  const { body } = await api('GET', `${objects}/${from}/associations/${to}`);
  const results: { toObjectId: string; associationTypes: { typeId: number }[] }[] = body.results;
  return Object.fromEntries(
    results.map((result) => [result.toObjectId, result.associationTypes.map(({ typeId }) => typeId)]),
  );
}

describe('the associations of a record', () => {
  it.each(['/crm/v4/objects', '/crm/objects/2026-03', '/crm/objects/2026-09'])(
    'are created, visible from both sides and removed below %s',
    async (base) => {
      const made = await api('PUT', `${base}/contacts/103/associations/default/companies/302`);
      expect(made.status).toBe(200);
      expect(made.body).toMatchObject({
        status: 'COMPLETE',
        results: [
          { from: { id: '103' }, to: { id: '302' }, associationSpec: hubspotDefined(279) },
          { from: { id: '302' }, to: { id: '103' }, associationSpec: hubspotDefined(280) },
        ],
      });
      const seen = await api('GET', `${base}/contact/103/associations/company`);
      expect(seen.body).toEqual({
        results: [
          {
            toObjectId: '302',
            associationTypes: [{ category: 'HUBSPOT_DEFINED', typeId: 279, label: null }],
          },
        ],
      });
      expect(await typeIds('companies/302', '0-1')).toMatchObject({ 103: [280] });
      const removed = await api('DELETE', `${base}/companies/302/associations/contacts/103`);
      expect(removed.status).toBe(204);
      expect(await typeIds('contacts/103', 'companies')).toEqual({});
    },
  );

  it('have labels, and always the unlabelled association', async () => {
    const made = await api('PUT', `${objects}/contacts/103/associations/companies/301`, [hubspotDefined(1)]);
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      fromObjectTypeId: '0-1',
      fromObjectId: '103',
      toObjectTypeId: '0-2',
      toObjectId: '301',
      labels: ['Primary'],
    });
    expect(await typeIds('contacts/103', 'companies')).toEqual({ 301: [279, 1] });
    expect(await typeIds('companies/301', 'contacts')).toMatchObject({ 103: [280, 2] });
  });

  it('have one primary company', async () => {
    await api('PUT', `${objects}/contacts/101/associations/companies/302`, [hubspotDefined(1)]);
    expect(await typeIds('contacts/101', 'companies')).toEqual({ 301: [279], 302: [279, 1] });
    // Set from the company's side, it moves back.
    await api('PUT', `${objects}/companies/301/associations/contacts/101`, [hubspotDefined(2)]);
    expect(await typeIds('contacts/101', 'companies')).toEqual({ 301: [279, 1], 302: [279] });
  });

  it('are listed in pages', async () => {
    const inputs = ['101', '102', '103', '104'].map((id) => pair('302', id));
    await batch('companies', 'contacts', 'associate/default', inputs);
    const path = `${objects}/companies/302/associations/contacts`;
    const first = await api('GET', `${path}?limit=3`);
    expect(first.body.results.map((result: { toObjectId: string }) => result.toObjectId)).toEqual([
      '101',
      '102',
      '103',
    ]);
    const second = await api('GET', `${path}?limit=3&after=${first.body.paging.next.after}`);
    expect(second.body.results).toHaveLength(1);
    expect(second.body.paging).toBeUndefined();
    expect((await api('GET', `${path}?limit=501`)).status).toBe(400);
  });

  it('follow their records into the recycle bin and back, and out of merges', async () => {
    await api('DELETE', `${objects}/companies/301`);
    expect(await typeIds('contacts/101', 'companies')).toEqual({});
    await hubspot.control('/restore', { portalId: 62515, objectType: 'company', objectId: '301' });
    expect(await typeIds('contacts/101', 'companies')).toEqual({ 301: [279, 1] });
    await api('POST', `${objects}/companies/merge`, { primaryObjectId: '302', objectIdToMerge: '301' });
    expect(await typeIds('contacts/101', 'companies')).toEqual({ 302: [279, 1] });
    await api('POST', `${objects}/contacts/merge`, { primaryObjectId: '103', objectIdToMerge: '101' });
    expect(await typeIds('companies/302', 'contacts')).toEqual({
      102: [280, 2],
      103: [280, 2],
      105: [280, 2],
    });
    await api('POST', `${objects}/contacts/gdpr-delete`, { objectId: '103' });
    expect(Object.keys(await typeIds('companies/302', 'contacts'))).toEqual(['102', '105']);
  });

  it.each([
    ['an id of the other direction', 'contacts/103', 'companies/301', [hubspotDefined(280)], 400],
    ['another pair’s id', 'contacts/103', 'companies/301', [hubspotDefined(4)], 400],
    [
      'another category',
      'contacts/103',
      'companies/301',
      [{ ...hubspotDefined(1), associationCategory: 'USER_DEFINED' }],
      400,
    ],
    ['no types', 'contacts/103', 'companies/301', [], 400],
    ['a record that is not there', 'contacts/103', 'companies/9', [hubspotDefined(1)], 404],
    ['a record of another portal', 'contacts/103', 'companies/303', [hubspotDefined(1)], 404],
    ['the record itself', 'contacts/103', 'contacts/103', [hubspotDefined(449)], 400],
    ['an unknown object type', 'contacts/103', 'unicorns/1', [hubspotDefined(1)], 400],
  ])('are rejected with %s', async (_what, from, to, types, status) => {
    const answer = await api('PUT', `${objects}/${from}/associations/${to}`, types);
    expect([answer.status, answer.body.status]).toEqual([status, 'error']);
  });

  it('need a scope for one of the two types', async () => {
    const { access } = await hubspot.install(
      62516,
      'oauth crm.objects.contacts.read crm.objects.contacts.write timeline',
    );
    const other = hubspot.api(access);
    expect((await other('GET', `${objects}/deals/403/associations/tickets`)).status).toBe(403);
    expect((await other('GET', `${objects}/deals/403/associations/contacts`)).status).toBe(200);
  });
});

describe('batches of associations', () => {
  it.each([
    ['v4', 201, 204],
    ['2026-03', 201, 200],
    ['2026-09', 200, 200],
  ])('of %s return its statuses', async (version, created, archived) => {
    const input = { ...pair('103', '302'), types: [hubspotDefined(1)] };
    const made = await batch('contacts', 'companies', 'create', [input], version);
    expect([made.status, made.body.results]).toEqual([
      created,
      [expect.objectContaining({ labels: ['Primary'] })],
    ]);
    const labels = await batch('contacts', 'companies', 'labels/archive', [input], version);
    expect(labels.status).toBe(archived);
    expect(await typeIds('contacts/103', 'companies')).toEqual({ 302: [279] });
    const gone = await batch(
      'contacts',
      'companies',
      'archive',
      [{ from: { id: '103' }, to: [{ id: '302' }] }],
      version,
    );
    expect(gone.status).toBe(archived);
    expect(await typeIds('contacts/103', 'companies')).toEqual({});
  });

  it('succeed partly', async () => {
    const types = [hubspotDefined(279)];
    const inputs = [
      { ...pair('103', '301'), types },
      { ...pair('103', '9'), types },
      { ...pair('103', '302'), types: [hubspotDefined(5)] },
    ];
    const { status, body } = await batch('contacts', 'companies', 'create', inputs);
    expect(status).toBe(207);
    expect(body).toMatchObject({
      results: [{ toObjectId: '301' }],
      numErrors: 2,
      errors: [{ category: 'OBJECT_NOT_FOUND', context: { id: ['9'] } }, { category: 'VALIDATION_ERROR' }],
    });
  });

  it('read, and name the records without any', async () => {
    const { status, body } = await batch('contacts', 'companies', 'read', [{ id: '101' }, { id: '103' }]);
    expect(status).toBe(207);
    expect(body.results).toEqual([
      {
        from: { id: '101' },
        to: [
          {
            toObjectId: '301',
            associationTypes: [
              { category: 'HUBSPOT_DEFINED', typeId: 279, label: null },
              { category: 'HUBSPOT_DEFINED', typeId: 1, label: 'Primary' },
            ],
          },
        ],
      },
    ]);
    expect(body.errors).toEqual([
      expect.objectContaining({
        category: 'OBJECT_NOT_FOUND',
        subCategory: 'crm.associations.NO_ASSOCIATIONS_FOUND',
        message: 'No company is associated with contact 103.',
        context: { fromObjectId: ['103'], fromObjectType: ['contact'], toObjectType: ['company'] },
      }),
    ]);
    expect((await batch('contacts', 'companies', 'read', [{ id: '101' }])).status).toBe(200);
  });

  it.each(['v4', '2026-03', '2026-09'])('reject only invalid ids: %s', async (version) => {
    const types = [hubspotDefined(279)];
    const bodies = {
      read: [{ id: 'abc' }, { id: '101' }],
      'associate/default': [pair('abc', '301'), pair('103', '-1')],
      create: [{ ...pair('jane@example.com', '301'), types }],
      archive: [
        { from: { id: 'abc' }, to: [{ id: '301' }] },
        { from: { id: '103' }, to: [{ id: '302' }, { id: '' }] },
      ],
      'labels/archive': [{ ...pair('103', '12345678901234567890'), types }],
    };
    for (const [verb, inputs] of Object.entries(bodies)) {
      const { status, body } = await batch('contacts', 'companies', verb, inputs, version);
      expect([verb, status]).toEqual([verb, 207]);
      const refused = body.errors.map((error: { category: string; subCategory: string }) => [
        error.category,
        error.subCategory,
      ]);
      const expected = ['VALIDATION_ERROR', 'crm.associations.INVALID_IDENTIFIER'];
      expect(refused).toEqual(verb === 'read' ? [expected] : inputs.map(() => expected));
    }
  });

  it.each([
    ['GET', '/contacts/abc/associations/companies'],
    ['PUT', '/contacts/101/associations/default/companies/none'],
    ['DELETE', '/contacts/jane%40example.com/associations/companies/301'],
  ])('reject invalid ids: %s %s', async (method, path) => {
    const { status, body } = await api(method, objects + path);
    expect([status, body.subCategory]).toEqual([400, 'crm.associations.INVALID_IDENTIFIER']);
  });

  it('have a maximum size', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => ({ id: String(index) }));
    expect((await batch('contacts', 'companies', 'read', many(1001))).status).toBe(400);
    const pairs = Array.from({ length: 2001 }, () => pair('103', '301'));
    expect((await batch('contacts', 'companies', 'associate/default', pairs)).status).toBe(400);
  });
});

describe('association labels', () => {
  const labels = '/crm/associations/2026-09/contacts/companies/labels';

  it.each(['/crm/v4/associations', '/crm/associations/v4', '/crm/associations/2026-03'])(
    'of HubSpot’s own are listed below %s',
    async (base) => {
      const { body } = await api('GET', `${base}/contacts/companies/labels`);
      expect(body.results).toEqual([
        { category: 'HUBSPOT_DEFINED', typeId: 279, label: null },
        { category: 'HUBSPOT_DEFINED', typeId: 1, label: 'Primary' },
      ]);
    },
  );

  it('are created in pairs, used, renamed and deleted', async () => {
    const created = await api('POST', labels, { name: 'boss', label: 'Boss of', inverseLabel: 'Led by' });
    expect(created.status).toBe(200);
    const [there, back] = created.body.results;
    expect(there).toEqual({ category: 'USER_DEFINED', typeId: there.typeId, label: 'Boss of' });
    expect(back.label).toBe('Led by');

    const spec = { associationCategory: 'USER_DEFINED', associationTypeId: there.typeId };
    const used = await api('PUT', `${objects}/contacts/103/associations/companies/301`, [spec]);
    expect(used.body.labels).toEqual(['Boss of']);
    expect(await typeIds('companies/301', 'contacts')).toMatchObject({ 103: [280, back.typeId] });

    const renamed = await api('PUT', labels, { associationTypeId: there.typeId, label: 'Chief' });
    expect(renamed.status).toBe(204);
    const inverse = await api('GET', '/crm/associations/2026-09/companies/contacts/labels');
    expect(inverse.body.results).toContainEqual({ ...back, label: 'Chief' });

    expect((await api('DELETE', `${labels}/${there.typeId}`)).status).toBe(204);
    expect(await typeIds('contacts/103', 'companies')).toEqual({ 301: [279] });
    expect((await api('DELETE', `${labels}/${there.typeId}`)).status).toBe(404);
  });

  it('belong to one portal, have unique names, and differ from HubSpot’s', async () => {
    await api('POST', labels, { name: 'boss', label: 'Boss' });
    expect((await api('POST', labels, { name: 'boss', label: 'Other' })).status).toBe(409);
    expect((await api('POST', labels, { name: 'x', label: '' })).status).toBe(400);
    expect((await api('DELETE', `${labels}/1`)).status).toBe(204);
    expect((await api('DELETE', `${labels}/279`)).status).toBe(404);
    const other = hubspot.api((await hubspot.fullAccess(62516)).access);
    expect((await other('GET', labels)).body.results).toHaveLength(2);
  });
});

describe('association limits', () => {
  const limits = '/crm/associations/2026-09/definitions/configurations';

  it('are set, enforced, and removed', async () => {
    const limit = { category: 'HUBSPOT_DEFINED', typeId: 279, maxToObjectIds: 1 };
    const set = await api('POST', `${limits}/contacts/companies/batch/create`, { inputs: [limit] });
    expect(set.status).toBe(200);
    expect(set.body.results).toEqual([
      { category: 'HUBSPOT_DEFINED', typeId: 279, label: null, userEnforcedMaxToObjectIds: 1 },
    ]);
    expect((await api('GET', `${limits}/all`)).body.results).toHaveLength(1);
    const second = () => api('PUT', `${objects}/contacts/101/associations/default/companies/302`);
    expect((await second()).body).toMatchObject({ subCategory: 'crm.associations.LIMIT_EXCEEDED' });
    await api('POST', `${limits}/contacts/companies/batch/purge`, { inputs: [limit] });
    expect((await second()).status).toBe(200);
  });
});

describe('records and their associations', () => {
  it('are created together, or not at all', async () => {
    const note = (typeId: number, id = '101') => ({
      properties: { hs_note_body: 'x', hs_timestamp: new Date().toISOString() },
      associations: [{ to: { id }, types: [hubspotDefined(typeId)] }],
    });
    const created = await api('POST', `${objects}/notes`, note(202));
    expect(created.status).toBe(201);
    expect(await typeIds(`notes/${created.body.id}`, 'contacts')).toEqual({ 101: [202] });
    expect(await typeIds('contacts/101', 'notes')).toEqual({ [created.body.id]: [201] });

    expect((await api('POST', `${objects}/notes`, note(201))).status).toBe(400);
    expect((await api('POST', `${objects}/notes`, note(202, '9'))).status).toBe(404);
    const limits = '/crm/associations/2026-09/definitions/configurations/contacts/notes/batch/create';
    const one = { category: 'HUBSPOT_DEFINED', typeId: 201, maxToObjectIds: 1 };
    await api('POST', limits, { inputs: [one] });
    expect((await api('POST', `${objects}/notes`, note(202))).status).toBe(400);
    expect((await api('GET', `${objects}/notes`)).body.results).toHaveLength(1);
  });

  it('are read together', async () => {
    const one = await api('GET', `${objects}/contacts/101?associations=companies,deals,tickets,notes`);
    expect(one.body.associations).toEqual({
      companies: {
        results: [
          { id: '301', type: 'contact_to_company_unlabeled' },
          { id: '301', type: 'contact_to_company' },
        ],
      },
      deals: { results: [{ id: '401', type: 'contact_to_deal' }] },
      tickets: { results: [{ id: '501', type: 'contact_to_ticket' }] },
    });
    const list = await api('GET', `${objects}/deals?associations=contacts&limit=1`);
    expect(list.body.results[0].associations.contacts.results).toEqual([
      { id: '101', type: 'deal_to_contact' },
    ]);
    expect((await api('GET', `${objects}/contacts/101?associations=unicorns`)).status).toBe(400);
  });

  it('are searched for by their associations', async () => {
    const found = async (operator: string, values: object, type = 'company') => {
      const filter = { propertyName: `associations.${type}`, operator, ...values };
      const { body } = await api('POST', `${objects}/contacts/search`, {
        filterGroups: [{ filters: [filter] }],
      });
      return body.results?.map(({ id }: { id: string }) => id) ?? body.category;
    };
    expect(await found('EQ', { value: '301' })).toEqual(['101', '105']);
    expect(await found('IN', { values: ['302', '9'] })).toEqual(['102']);
    expect(await found('NOT_HAS_PROPERTY', {}, '0-2')).toEqual(['103', '104']);
    expect(await found('GT', { value: '1' })).toBe('VALIDATION_ERROR');
  });
});
