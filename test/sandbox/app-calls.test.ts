import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Hubspot, startHubspot } from './hubspot.ts';
import { isSigned, startReceiver } from './receiver.ts';

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

describe('the other calls to the app', () => {
  it('fetch the card with the record’s values', async () => {
    app.answerWith(() => ({ status: 200, body: { results: [] } }));
    const answer = await hubspot.control('/card', {
      portalId: 62515,
      objectType: 'contact',
      objectId: '104',
    });
    expect(answer.body).toEqual({ status: 200, body: { results: [] } });
    const [request] = app.received;
    if (!request) throw new Error('nothing was received');
    const { pathname, searchParams } = new URL(request.url, app.url);
    expect(pathname).toBe('/crm-extension');
    expect(Object.fromEntries(searchParams)).toEqual({
      userId: expect.any(String),
      userEmail: 'admin@example.com',
      associatedObjectId: '104',
      associatedObjectType: 'CONTACT',
      portalId: '62515',
      appId: '193354',
      email: 'aoife.obrien@example.com',
      firstname: 'Aoife',
      lastname: "O'Brien",
    });
    expect(isSigned(app.url, request, 'v2')).toBe(true);
    const decoded = request.url.replaceAll('%40', '@').replaceAll('%27', "'");
    expect(isSigned(app.url, { ...request, url: decoded }, 'v3')).toBe(true);
  });

  it('fetch a named card, and reject an unknown record', async () => {
    await hubspot.control('/card', { portalId: 62515, objectType: 'contact', objectId: 101, card: 'orders' });
    expect(app.received[0]?.url).toMatch(/^\/crm-extension\/orders\?/);
    expect((await hubspot.control('/card', { portalId: 62515, objectId: '201' })).status).toBe(404);
  });

  it('fetch the details of a marketing event', async () => {
    app.answerWith(() => ({ status: 404, body: { error: 'unknown' } }));
    const answer = await hubspot.control('/marketing-event', {
      externalEventId: 'a/b',
      externalAccountId: 'x y',
    });
    expect(answer.body).toEqual({ status: 404, body: { error: 'unknown' } });
    const [request] = app.received;
    expect(request?.url).toBe('/events/a%2Fb?appId=193354&externalAccountId=x+y');
    const decoded = request && { ...request, url: request.url.replace('%2F', '/') };
    expect(decoded && isSigned(app.url, decoded, 'v3')).toBe(true);
  });
});
