import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { declaredSubscriptions } from '../helpers/subscriptions.ts';
import { type Hubspot, startHubspot } from './hubspot.ts';
import { eventsOf, startReceiver } from './receiver.ts';

let app: Awaited<ReturnType<typeof startReceiver>>;
let hubspot: Hubspot;
let api: ReturnType<Hubspot['api']>;
beforeAll(async () => {
  app = await startReceiver();
  hubspot = await startHubspot(app.url);
});
afterAll(async () => {
  await hubspot.close();
  await app.close();
});
beforeEach(async () => {
  await hubspot.control('/reset', {});
  await hubspot.call('PUT', '/_sandbox/app', {
    serverUrl: app.url,
    optionalScopes: ['crm.objects.companies.read', 'crm.objects.deals.read', 'tickets'],
  });
  app.received.length = 0;
  api = hubspot.api((await hubspot.fullAccess()).access);
});

const key = 'hapikey=sandbox-developer-key';
const base = '/app-webhooks/2026-09/193354';
const manage = (method: string, path: string, body?: unknown) =>
  hubspot.call(method, `${base}${path}?${key}`, body);
const subscribe = async (fields: Record<string, unknown>) => {
  const { status, body } = await manage('POST', '/subscriptions', { active: true, ...fields });
  return status === 201 ? Number(body.id) : body;
};
const objects = '/crm/objects/2026-09';
/** The events of the wanted kinds, once there are so many of them. */
async function events(count: number, ...kinds: string[]) {
  const wanted = (all: typeof app.received) =>
    eventsOf(all).filter(({ subscriptionType }) => kinds.includes(subscriptionType));
  return wanted(await app.until((all) => wanted(all).length >= count));
}

describe('subscriptions to custom objects', () => {
  it('cause events of only that type', async () => {
    const creation = { eventType: 'object.creation', objectTypeId: '2-30001' };
    expect((await subscribe(creation)).message).toContain('The app lacks a scope');
    await hubspot.call('PUT', '/_sandbox/app', { optionalScopes: ['crm.objects.custom.read'] });
    const subscriptionId = await subscribe(creation);
    await api('POST', `${objects}/line_items`, { properties: { name: 'Seat' } });
    const { body } = await api('POST', `${objects}/2-30001`, { properties: { serial_number: 'W-1' } });
    expect(await events(1, 'object.creation')).toEqual([
      expect.objectContaining({ subscriptionId, objectTypeId: '2-30001', objectId: Number(body.id) }),
    ]);
  });
});

describe('webhook settings', () => {
  it.each(['/webhooks/v3/193354', '/webhooks/2026-03/193354', base])('are stored at %s', async (path) => {
    const settings = { targetUrl: `${app.url}/elsewhere`, throttling: { maxConcurrentRequests: 7 } };
    const changed = await hubspot.call('PUT', `${path}/settings?${key}`, settings);
    expect(changed.status).toBe(200);
    expect((await hubspot.call('GET', `${path}/settings?${key}`)).body).toMatchObject(settings);
    expect((await hubspot.control('/app')).body).toMatchObject({
      webhookTargetUrl: settings.targetUrl,
      maxConcurrentRequests: 7,
    });
    await api('PATCH', `${objects}/contacts/101`, { properties: { firstname: 'J' } });
    const [request] = await app.until((all) => all.length > 0);
    expect(request?.url).toBe('/elsewhere');
  });

  it('pause all subscriptions while they are deleted', async () => {
    expect((await manage('DELETE', '/settings')).status).toBe(204);
    expect((await manage('GET', '/settings')).status).toBe(404);
    await api('PATCH', `${objects}/contacts/101`, { properties: { firstname: 'Lost' } });
    const settings = { targetUrl: `${app.url}/webhook`, throttling: { maxConcurrentRequests: 10 } };
    await manage('PUT', '/settings', settings);
    expect((await manage('GET', '/subscriptions')).body.results).toHaveLength(declaredSubscriptions().length);
    await api('PATCH', `${objects}/contacts/101`, { properties: { firstname: 'Sent' } });
    expect(await events(1, 'contact.propertyChange')).toMatchObject([{ propertyValue: 'Sent' }]);
  });

  it.each([
    [{ targetUrl: 'http://example.com/x', throttling: { maxConcurrentRequests: 10 } }],
    [{ targetUrl: 'https://example.com/x', throttling: { maxConcurrentRequests: 5 } }],
    [{ targetUrl: 'https://example.com/x' }],
  ])('reject %j', async (settings) => {
    expect((await manage('PUT', '/settings', settings)).status).toBe(400);
  });

  it('belong to the developer, not to a customer', async () => {
    const { access } = await hubspot.install();
    expect((await hubspot.api(access)('GET', `${base}/settings`)).status).toBe(401);
    expect((await hubspot.call('GET', `${base}/settings?hapikey=x`)).status).toBe(401);
    expect((await hubspot.call('GET', `/webhooks/v3/1/settings?${key}`)).status).toBe(404);
  });
});

describe('subscriptions', () => {
  it('start with those of the project, and are added, changed and deleted', async () => {
    const listed = await manage('GET', '/subscriptions');
    expect(listed.body.results).toHaveLength(declaredSubscriptions().length);
    const declared = declaredSubscriptions().map(({ subscriptionType, propertyName }) =>
      expect.objectContaining({
        id: expect.any(String),
        eventType: subscriptionType,
        active: true,
        ...(propertyName && { propertyName }),
      }),
    );
    expect(listed.body.results).toEqual(expect.arrayContaining(declared));
    const created = await manage('POST', '/subscriptions', { eventType: 'company.merge' });
    expect([created.status, created.body.active]).toEqual([201, false]);
    const path = `/subscriptions/${created.body.id}`;
    expect((await manage('PATCH', path, { active: true })).body.active).toBe(true);
    const inputs = [
      { id: Number(created.body.id), active: false },
      { id: 1, active: true },
    ];
    const batch = await manage('POST', '/subscriptions/batch/update', { inputs });
    expect([batch.status, batch.body.results[0].active, batch.body.numErrors]).toEqual([207, false, 1]);
    expect((await manage('DELETE', path)).status).toBe(204);
    expect((await manage('GET', path)).status).toBe(404);
    await hubspot.control('/reset', {});
    expect((await manage('GET', '/subscriptions')).body.results).toHaveLength(declaredSubscriptions().length);
  });

  it.each([
    ['an unknown event', { eventType: 'contact.hiccup' }, 400],
    ['a property change without a property', { eventType: 'company.propertyChange' }, 400],
    [
      'a property that always changes',
      { eventType: 'deal.propertyChange', propertyName: 'hs_lastmodifieddate' },
      400,
    ],
    ['a generic event without a type', { eventType: 'object.creation' }, 400],
    ['the same again', { eventType: 'contact.creation' }, 409],
  ])('are rejected for %s', async (_what, fields, status) => {
    expect((await manage('POST', '/subscriptions', fields)).status).toBe(status);
  });

  it('need a scope of the app', async () => {
    await hubspot.call('PUT', '/_sandbox/app', { optionalScopes: [] });
    expect((await manage('POST', '/subscriptions', { eventType: 'deal.creation' })).status).toBe(400);
  });
});

describe('events', () => {
  it('report companies, deals and tickets', async () => {
    for (const eventType of ['company.creation', 'ticket.deletion']) await subscribe({ eventType });
    await subscribe({ eventType: 'deal.propertyChange', propertyName: 'dealstage' });
    await api('POST', `${objects}/companies`, { properties: { name: 'New' } });
    await api('PATCH', `${objects}/deals/401`, { properties: { dealstage: 'closedwon', amount: '1' } });
    await api('DELETE', `${objects}/tickets/501`);
    const sent = await events(3, 'company.creation', 'deal.propertyChange', 'ticket.deletion');
    expect(sent).toHaveLength(3);
    expect(sent).toContainEqual(
      expect.objectContaining({
        subscriptionType: 'deal.propertyChange',
        objectId: 401,
        propertyName: 'dealstage',
        propertyValue: 'closedwon',
      }),
    );
  });

  it('of generic subscriptions contain the object type', async () => {
    await subscribe({ eventType: 'object.creation', objectTypeId: '0-46' });
    await subscribe({ eventType: 'object.propertyChange', objectTypeId: '0-1', propertyName: 'phone' });
    await api('POST', `${objects}/notes`, { properties: { hs_timestamp: new Date().toISOString() } });
    await api('PATCH', `${objects}/contacts/101`, { properties: { phone: '7' } });
    const sent = await events(2, 'object.creation', 'object.propertyChange');
    expect(sent).toMatchObject([
      { subscriptionType: 'object.creation', objectTypeId: '0-46' },
      {
        subscriptionType: 'object.propertyChange',
        objectTypeId: '0-1',
        propertyValue: '7',
        isSensitive: false,
      },
    ]);
  });

  it('report merges and restores', async () => {
    await subscribe({ eventType: 'contact.merge' });
    await subscribe({ eventType: 'contact.restore' });
    await api('POST', `${objects}/contacts/merge`, { primaryObjectId: '101', objectIdToMerge: '102' });
    await api('DELETE', `${objects}/contacts/103`);
    await hubspot.control('/restore', { portalId: 62515, objectId: '103' });
    const sent = await events(2, 'contact.merge', 'contact.restore');
    expect(sent).toMatchObject([
      { primaryObjectId: 101, mergedObjectIds: [102], newObjectId: 101, objectId: 101 },
      { subscriptionType: 'contact.restore', objectId: 103, changeSource: 'CRM_UI' },
    ]);
  });

  it('report associations from both sides, and a primary one twice', async () => {
    for (const subject of ['contact', 'company']) {
      await subscribe({ eventType: `${subject}.associationChange` });
    }
    const primary = [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 1 }];
    await api('PUT', `${objects}/contacts/103/associations/companies/301`, primary);
    const added = await events(4, 'contact.associationChange', 'company.associationChange');
    expect(added).toHaveLength(4);
    expect(added[2]).toEqual({
      eventId: expect.any(Number),
      subscriptionId: expect.any(Number),
      portalId: 62515,
      appId: 193354,
      occurredAt: expect.any(Number),
      subscriptionType: 'contact.associationChange',
      attemptNumber: 0,
      changeSource: 'INTEGRATION',
      sourceId: '193354',
      associationType: 'CONTACT_TO_COMPANY',
      fromObjectId: 103,
      toObjectId: 301,
      associationRemoved: false,
      isPrimaryAssociation: true,
    });
    expect(added[0]).toMatchObject({ isPrimaryAssociation: false });
    expect(added[1]).toMatchObject({ associationType: 'COMPANY_TO_CONTACT', fromObjectId: 301 });

    await api('DELETE', `${objects}/contacts/103/associations/companies/301`);
    const all = await events(8, 'contact.associationChange', 'company.associationChange');
    expect(all.slice(4).every(({ associationRemoved }) => associationRemoved)).toBe(true);
  });

  it('of generic subscriptions report the kind of association, also with notes', async () => {
    await subscribe({ eventType: 'object.associationChange', objectTypeId: '0-46' });
    await subscribe({ eventType: 'contact.associationChange' });
    const to = {
      to: { id: '101' },
      types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 202 }],
    };
    const properties = { hs_timestamp: new Date().toISOString() };
    const { body: note } = await api('POST', `${objects}/notes`, { properties, associations: [to] });
    const sent = await events(1, 'object.associationChange', 'contact.associationChange');
    expect(sent).toMatchObject([
      {
        subscriptionType: 'object.associationChange',
        associationType: 'NOTE_TO_CONTACT',
        fromObjectId: Number(note.id),
        fromObjectTypeId: '0-46',
        toObjectId: 101,
        toObjectTypeId: '0-1',
        associationTypeId: 202,
        associationCategory: 'HUBSPOT_DEFINED',
      },
    ]);
  });

  it('are not sent for inactive subscriptions', async () => {
    const { body } = await manage('GET', '/subscriptions');
    const inputs = body.results.map(({ id }: { id: string }) => ({ id: Number(id), active: false }));
    await manage('POST', '/subscriptions/batch/update', { inputs });
    await subscribe({ eventType: 'contact.restore' });
    await api('DELETE', `${objects}/contacts/103`);
    await hubspot.control('/restore', { portalId: 62515, objectId: '103' });
    await events(1, 'contact.restore');
    expect(eventsOf(app.received)).toHaveLength(1);
  });
});
