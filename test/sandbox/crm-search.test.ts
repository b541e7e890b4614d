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

  it('finds the others by the opposite operators', async () => {
    expect(await emailsFor({ propertyName: 'firstname', operator: 'NEQ', value: 'jane' })).toHaveLength(4);
    expect(await emailsFor({ propertyName: 'firstname', operator: 'NOT_IN', values: ['jane'] })).toHaveLength(
      4,
    );
    expect(await emailsFor({ propertyName: 'fax', operator: 'NOT_HAS_PROPERTY' })).toHaveLength(5);
  });

  it('combines filters with and, groups with or', async () => {
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

  it('sorts, pages and searches for words', async () => {
    const sorts = [{ propertyName: 'firstname', direction: 'DESCENDING' }];
    const first = await search({ query: 'example.com', sorts, limit: 2, after: 0 });
    expect(first.body.total).toBe(5);
    expect(first.body.results[0].properties.firstname).toBe('太郎');
    expect(first.body.paging).toEqual({ next: { after: '2' } });
    const last = await search({ query: 'example.com', sorts, limit: 2, after: '4' });
    expect(last.body.results[0].properties.firstname).toBe('Aoife');
    expect(last.body.paging).toBeUndefined();
  });

  it('does not find deleted records', async () => {
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
  ])('rejects %s', async (_what, body) => {
    // Each refusal counts against five searches a second.
    await hubspot.call('PUT', '/_sandbox/app', { searchRateLimit: null });
    const answer = await search(body);
    expect([answer.status, answer.body.category]).toEqual([400, 'VALIDATION_ERROR']);
  });
});
