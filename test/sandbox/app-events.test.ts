import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventTypeName, type Hubspot, startHubspot } from './hubspot.ts';

let hubspot: Hubspot;
let api: ReturnType<Hubspot['api']>;
beforeAll(async () => {
  hubspot = await startHubspot();
});
afterAll(() => hubspot.close());
beforeEach(async () => {
  await hubspot.control('/reset', {});
  api = hubspot.api((await hubspot.install()).access);
});

const path = '/integrators/timeline/2026-03/events';
const event = (fields: object = {}) => ({
  eventTypeName,
  id: 'e1',
  email: 'jane@example.com',
  properties: { title: 'Signed & sealed', source: 'Billing' },
  ...fields,
});
const shown = async (email: string, portalId = 62515) =>
  (await hubspot.control(`/timeline?portalId=${portalId}&email=${encodeURIComponent(email)}`)).body.results;

describe('app events', () => {
  it.each([path, '/integrators/timeline/v4/events'])(
    'are accepted at %s and rendered with their templates',
    async (at) => {
      const timestamp = '2026-11-01T10:00:00Z';
      const answer = await api('POST', at, event({ timestamp, extraData: { message: '契約しました' } }));
      expect(answer.status).toBe(201);
      expect(answer.body).toMatchObject({ eventTypeName, id: 'e1', objectId: '101' });
      expect(await shown('jane@example.com')).toEqual([
        {
          id: 'e1',
          eventTypeName,
          properties: { title: 'Signed & sealed', source: 'Billing' },
          extraData: { message: '契約しました' },
          timestamp: '2026-11-01T10:00:00.000Z',
          header: 'Signed & sealed',
          detail: '契約しました\n\nSource: Billing',
        },
      ]);
    },
  );

  it('are accepted once per id, and the first one is kept', async () => {
    await api('POST', path, event());
    const again = await api('POST', path, event({ properties: { title: 'Other' } }));
    expect([again.status, again.body.category]).toEqual([409, 'CONFLICT']);
    expect(await shown('jane@example.com')).toMatchObject([{ header: 'Signed & sealed' }]);
  });

  it('create a contact for an unknown e-mail address', async () => {
    await api('POST', path, event({ email: 'someone.new@example.com' }));
    expect(await shown('someone.new@example.com')).toHaveLength(1);
  });

  it('prefer the record id to the e-mail address', async () => {
    await api('POST', path, event({ objectId: '102' }));
    expect(await shown('jane@example.com')).toEqual([]);
    expect(await shown('taro.yamada@example.com')).toHaveLength(1);
    expect((await api('POST', path, event({ id: 'e2', objectId: '201' }))).status).toBe(404);
  });

  it.each([
    ['an unknown type', { eventTypeName: 'ae1_other' }],
    ['no id', { id: undefined }],
    ['no properties', { properties: undefined }],
    ['a property that is not declared', { properties: { mood: 'good' } }],
    ['a timestamp that is none', { timestamp: 'yesterday' }],
    ['nothing that names a contact', { email: undefined }],
    ['only a visitor’s token', { email: undefined, utk: 'abc' }],
  ])('are rejected with %s', async (_what, fields) => {
    const { status, body } = await api('POST', path, event(fields));
    expect([status, body.category]).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('are accepted in batches, all or none', async () => {
    const inputs = [event({ id: 'b1' }), event({ id: 'b2', email: 'taro.yamada@example.com' })];
    const { status, body } = await api('POST', `${path}/batch`, { inputs });
    expect([status, body.status, body.results.length]).toEqual([200, 'COMPLETE', 2]);
    expect(
      (await api('POST', `${path}/batch`, { inputs: [event({ id: 'b3' }), event({ id: 'b2' })] })).status,
    ).toBe(409);
    expect(
      (await api('POST', `${path}/batch`, { inputs: [event({ id: 'b4' }), event({ id: 'b4' })] })).status,
    ).toBe(409);
    expect(await shown('jane@example.com')).toHaveLength(1);
  });

  it('belong to one portal', async () => {
    await api('POST', path, event());
    const other = hubspot.api((await hubspot.install(62516)).access);
    expect((await other('POST', path, event())).status).toBe(201);
    expect(await shown('jane@example.com', 62516)).toHaveLength(1);
  });

  it('are deleted with a contact that is erased', async () => {
    await api('POST', path, event());
    await api('POST', '/crm/v3/objects/contacts/gdpr-delete', { objectId: '101' });
    await api('POST', '/crm/v3/objects/contacts', { properties: { email: 'jane@example.com' } });
    expect(await shown('jane@example.com')).toEqual([]);
  });

  it('have a full name that HubSpot returns', async () => {
    const resolve = (developerSymbol: string) =>
      hubspot.call('POST', '/integrators/timeline/2026-03/types/projects', {
        developerSymbol,
        projectName: 'hubspot-public-app',
      });
    expect((await resolve('app-activity')).body.fullyQualifiedName).toBe(eventTypeName);
    expect((await resolve('other')).status).toBe(404);
  });
});
