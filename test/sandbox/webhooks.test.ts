import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Hubspot, startHubspot } from './hubspot.ts';
import { eventsOf, isSigned, type Received, startReceiver } from './receiver.ts';

let app: Awaited<ReturnType<typeof startReceiver>>;
let hubspot: Hubspot;
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
  app.received.length = 0;
  app.answerWith(() => ({ status: 204 }));
});

const contacts = '/crm/objects/2026-09/contacts';
const types = (requests: Received[]) => eventsOf(requests).map(({ subscriptionType }) => subscriptionType);

describe('changes of contacts', () => {
  it('reach the app as signed events', async () => {
    const api = hubspot.api((await hubspot.install()).access);
    await api('PATCH', `${contacts}/101`, {
      properties: { lifecyclestage: 'customer', city: 'Boston', phone: '1' },
    });
    const [request] = await app.until((all) => all.length > 0);
    if (!request) throw new Error('nothing was received');
    expect(request.url).toBe('/webhook');
    expect(isSigned(app.url, request, 'v3')).toBe(true);
    expect(isSigned(app.url, request, 'v1')).toBe(true);
    expect(request.headers['x-hubspot-signature-version']).toBe('v1');
    // Nobody subscribed to city.
    expect(eventsOf([request])).toEqual([
      {
        eventId: expect.any(Number),
        subscriptionId: expect.any(Number),
        portalId: 62515,
        appId: 193354,
        occurredAt: expect.any(Number),
        subscriptionType: 'contact.propertyChange',
        attemptNumber: 0,
        objectId: 101,
        changeSource: 'INTEGRATION',
        sourceId: '193354',
        propertyName: 'lifecyclestage',
        propertyValue: 'customer',
      },
      expect.objectContaining({ propertyName: 'phone', propertyValue: '1' }),
    ]);
  });

  it('report creation, deletion and privacy deletion', async () => {
    const api = hubspot.api((await hubspot.install()).access);
    await api('POST', contacts, { properties: { email: 'n@example.com' } });
    await app.until((all) => types(all).includes('contact.propertyChange'));
    expect(types(app.received)).toEqual(['contact.creation', 'contact.propertyChange']);
    await api('DELETE', `${contacts}/101`);
    await app.until((all) => types(all).includes('contact.deletion'));
    await api('POST', `${contacts}/gdpr-delete`, { objectId: '102' });
    await app.until((all) => types(all).length === 5);
    expect(types(app.received).slice(3).sort()).toEqual(['contact.deletion', 'contact.privacyDeletion']);
  });

  it('contain the user as source when made on a page', async () => {
    await hubspot.install();
    await hubspot.call('POST', '/portals/62515/contacts/101/next-stage', new URLSearchParams());
    const requests = await app.until((all) => all.length > 0);
    expect(eventsOf(requests)).toMatchObject([
      {
        changeSource: 'CRM_UI',
        sourceId: expect.stringMatching(/^userId:/),
        propertyValue: 'marketingqualifiedlead',
      },
    ]);
  });

  it('are sent only for portals with the app, several portals in one request', async () => {
    const change = (portalId: number, id: number) =>
      hubspot.call('POST', `/portals/${portalId}/contacts/${id}/next-stage`, new URLSearchParams());
    await change(62515, 101);
    await hubspot.install(62515);
    await hubspot.install(62516);
    await Promise.all([change(62515, 102), change(62516, 201)]);
    const requests = await app.until((all) => eventsOf(all).length === 2);
    expect(requests).toHaveLength(1);
    expect(
      eventsOf(requests)
        .map(({ objectId }) => objectId)
        .sort(),
    ).toEqual([102, 201]);
  });

  it('are not sent when the value is unchanged', async () => {
    const api = hubspot.api((await hubspot.install()).access);
    await api('PATCH', `${contacts}/101`, { properties: { firstname: 'Jane' } });
    await api('PATCH', `${contacts}/101`, { properties: { firstname: 'Janet' } });
    expect(eventsOf(await app.until((all) => all.length > 0))).toMatchObject([{ propertyValue: 'Janet' }]);
  });
});
