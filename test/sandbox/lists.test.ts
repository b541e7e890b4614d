import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Hubspot, startHubspot } from './hubspot.ts';

let hubspot: Hubspot;
let api: ReturnType<Hubspot['api']>;
beforeAll(async () => {
  hubspot = await startHubspot();
  api = hubspot.api((await hubspot.fullAccess()).access);
});
afterAll(() => hubspot.close());

const lists = '/crm/lists/2026-09';

describe('lists', () => {
  it.each(['/crm/v3/lists', '/crm/lists/2026-03', '/crm/lists/2026-09'])('are at %s', async (base) => {
    const { body } = await api('POST', `${base}/search`, { query: 'news' });
    expect(body).toMatchObject({
      total: 1,
      hasMore: false,
      lists: [{ listId: '11', objectTypeId: '0-1', additionalProperties: { hs_list_size: '2' } }],
    });
    const { body: one } = await api('GET', `${base}/11`);
    expect(one.list).toMatchObject({ listId: '11', processingStatus: 'COMPLETE', size: 2 });
    expect(one.list).not.toHaveProperty('additionalProperties');
  });

  it('are searched in pages', async () => {
    await hubspot.call('PUT', '/_sandbox/app', { searchRateLimit: null });
    const first = await api('POST', `${lists}/search`, { count: 3 });
    expect([first.body.hasMore, first.body.lists.length]).toEqual([true, 3]);
    const last = await api('POST', `${lists}/search`, { count: 3, offset: 3 });
    expect([last.body.hasMore, last.body.lists.length]).toEqual([false, 1]);
    expect((await api('POST', `${lists}/search`, { count: 501 })).status).toBe(400);
  });

  it('are those of the account', async () => {
    const other = hubspot.api((await hubspot.fullAccess(62516)).access);
    expect((await other('GET', `${lists}/11`)).status).toBe(404);
    expect((await other('GET', `${lists}/21`)).status).toBe(200);
  });

  it('have members in pages, which can be replaced and removed at once', async () => {
    const add = await api('PUT', `${lists}/12/memberships/add-and-remove`, {
      recordIdsToAdd: ['101', 102],
      recordIdsToRemove: ['103', '999'],
    });
    expect(add.body).toEqual({
      recordsIdsAdded: ['101', '102'],
      recordIdsRemoved: ['103'],
      recordIdsMissing: ['999'],
    });
    const first = await api('GET', `${lists}/12/memberships?limit=1`);
    const { after } = first.body.paging.next;
    const next = await api('GET', `${lists}/12/memberships?limit=1&after=${after}`);
    const ids = [first, next].map(({ body }) => body.results[0].recordId);
    expect([ids, next.body.paging]).toEqual([['101', '102'], undefined]);
    expect((await api('DELETE', `${lists}/12/memberships`)).status).toBe(204);
    expect((await api('GET', `${lists}/12/memberships`)).body.results).toEqual([]);
    expect((await api('GET', `${lists}/12/memberships?limit=251`)).status).toBe(400);
  });

  it.each([
    ['PUT', '/13/memberships/add', ['101']],
    ['PUT', '/13/memberships/remove', ['103']],
    ['DELETE', '/13/memberships', undefined],
    ['PUT', '/11/memberships/add', ['jane@example.com']],
    ['PUT', '/11/memberships/add', { ids: ['101'] }],
    ['GET', '/records/contacts/101/memberships', undefined],
  ])('respond with 400 to %s %s %j', async (method, path, body) => {
    const { status, body: answer } = await api(method, lists + path, body);
    expect([status, answer.category]).toEqual([400, 'VALIDATION_ERROR']);
  });

  it.each([
    ['crm.lists.read', 200, 403],
    ['crm.lists.write', 403, 403],
    ['crm.lists.read crm.lists.write', 200, 200],
    ['crm.segments.read crm.segments.write', 200, 200],
    ['crm.objects.contacts.read', 403, 403],
  ])('can be read and changed with %s: %i, %i', async (scopes, read, write) => {
    const grant = { from: 62515, installed: true, scopes: scopes.split(' ') };
    const { body } = await hubspot.control('/portals', grant);
    const limited = hubspot.api(String(body.results[0].accessToken));
    expect((await limited('GET', `${lists}/11/memberships`)).status).toBe(read);
    expect((await limited('PUT', `${lists}/11/memberships/add`, ['101'])).status).toBe(write);
  });

  it('are restored by a reset', async () => {
    await api('DELETE', `${lists}/11/memberships`);
    await hubspot.control('/reset', {});
    const again = hubspot.api((await hubspot.fullAccess()).access);
    expect((await again('GET', `${lists}/11`)).body.list.size).toBe(2);
  });
});
