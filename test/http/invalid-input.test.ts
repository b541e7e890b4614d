import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectError } from '../helpers/expect-error.ts';
import { signedRequest } from '../helpers/signed-request.ts';
import { startWorld, type World } from '../helpers/world.ts';

const CONTACT = '/hubid/62515/contact/jane@example.com';
const TIMELINE = '/hubid/62515/timeline/jane@example.com';
const EVENT = '/marketing-events/acct/day-1';
const BODY_ROUTES = [
  ['POST', CONTACT],
  ['PUT', TIMELINE],
  ['PUT', EVENT],
] as const;

describe('invalid input', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    expect((await world.install()).status).toBe(200);
  });
  afterAll(() => world.close());

  it.each<[string, string, string]>([
    ['GET', '/hubid/abc', 'hubId'],
    ['GET', '/hubid/-1', 'hubId'],
    ['GET', '/hubid/1e3', 'hubId'],
    ['GET', '/hubid/62515.0', 'hubId'],
    ['GET', '/hubid/9999999999999999', 'hubId'],
    ['DELETE', '/hubid/abc', 'hubId'],
    ['GET', '/hubid/abc/contact/jane@example.com', 'hubId'],
    ['GET', '/hubid/62515/contact/jane', 'email'],
    ['GET', '/hubid/62515/contact/jane%00@example.com', 'email'],
    ['GET', `/hubid/62515/contact/${'a'.repeat(320)}@example.com`, 'email'],
    ['POST', '/hubid/62515/contact/jane', 'email'],
    ['PUT', '/hubid/abc/timeline/jane@example.com', 'hubId'],
    ['PUT', '/hubid/62515/timeline/jane', 'email'],
    ['GET', `/marketing-events/${'a'.repeat(256)}/day-1`, 'externalAccountId'],
    ['PUT', `/marketing-events/acct/${'a'.repeat(256)}`, 'externalEventId'],
    ['GET', '/marketing-events/acct/a%00b', 'externalEventId'],
    ['DELETE', '/marketing-events/a%00b/day-1', 'externalAccountId'],
  ])('%s %s is answered with 400, naming %s', async (method, path, field) => {
    const answer = await world.apiRequest(
      method,
      path,
      method === 'GET' || method === 'DELETE' ? undefined : {},
    );
    expect(await expectError(answer, 400, 'invalid_request')).toContain(`${field}: `);
  });

  it.each<[string, string, unknown, string]>([
    ['POST', CONTACT, null, 'The body must be {"properties": {…}}'],
    ['POST', CONTACT, 5, 'The body must be {"properties": {…}}'],
    ['POST', CONTACT, {}, 'The body must be {"properties": {…}}'],
    ['POST', CONTACT, { properties: 'x' }, 'The body must be {"properties": {…}}'],
    ['POST', CONTACT, { properties: { firstname: {} } }, 'firstname: must be a string, number'],
    ['POST', CONTACT, { properties: { firstname: ['x'] } }, 'firstname: must be a string, number'],
    ['POST', CONTACT, [5], '0: '],
    ['POST', CONTACT, [{ property: 1, value: 'x' }], '0.property: '],
    ['POST', CONTACT, [{ property: 'firstname' }], '0.value: '],
    [
      'POST',
      CONTACT,
      ['Ann', 'Bob'].map((value) => ({ property: 'firstname', value })),
      '1.property: "firstname" is given twice',
    ],
    ['POST', CONTACT, { properties: { firstname: 'a\0b' } }, 'properties.firstname: '],
    ['PUT', TIMELINE, null, 'expected object, received null'],
    ['PUT', TIMELINE, [], 'expected object, received array'],
    ['PUT', TIMELINE, 'text', 'expected object, received string'],
    ['PUT', TIMELINE, { id: 5.5 }, 'id: '],
    ['PUT', TIMELINE, { id: 2 ** 53 }, 'id: '],
    ['PUT', TIMELINE, { id: true }, 'id: '],
    ['PUT', TIMELINE, { eventTypeId: 7 }, 'eventTypeId: names an event type of the old timeline API'],
    ['PUT', TIMELINE, { eventTypeid: '7' }, 'eventTypeid: names an event type of the old timeline API'],
    ['PUT', TIMELINE, { email: 'other@example.com' }, 'email: '],
    ['PUT', TIMELINE, { email: 5 }, 'email: '],
    ['PUT', TIMELINE, { id: '' }, 'id: '],
    ['PUT', TIMELINE, { id: 'x'.repeat(201) }, 'id: '],
    ['PUT', TIMELINE, { id: 'a\0b' }, 'id: '],
    ['PUT', TIMELINE, { eventTypeName: 7 }, 'eventTypeName: '],
    ['PUT', TIMELINE, { timestamp: 'yesterday' }, 'timestamp: '],
    ['PUT', TIMELINE, { timestamp: 1795219200000 }, 'timestamp: '],
    ['PUT', TIMELINE, { properties: [] }, 'properties: '],
    ['PUT', TIMELINE, { properties: { title: true } }, 'properties.title: '],
    ['PUT', TIMELINE, { properties: { title: '\ud800' } }, 'properties.title: '],
    ['PUT', TIMELINE, { properties: { 'a\0b': 'x' } }, 'properties: '],
    ['PUT', TIMELINE, { extraData: 'x' }, 'extraData: '],
    ['PUT', TIMELINE, { extraData: { a: [{ b: '\0' }] } }, 'extraData.a.0.b: '],
    ['PUT', TIMELINE, { titel: 'x' }, '"titel"'],
    ['PUT', EVENT, [], 'expected object, received array'],
    ['PUT', EVENT, {}, 'eventName: '],
    ['PUT', EVENT, { eventName: 5, eventOrganizer: 'Us' }, 'eventName: '],
    ['PUT', EVENT, { eventName: 'Day' }, 'eventOrganizer: '],
    ['PUT', EVENT, { eventName: 'Day', eventOrganizer: 'Us', startDateTime: 'x' }, 'startDateTime: '],
    ['PUT', EVENT, { eventName: 'Day', eventOrganizer: 'Us', endDateTime: 5 }, 'endDateTime: '],
    ['PUT', EVENT, { eventName: 'Day', eventOrganizer: 'Us', eventUrl: 'x' }, 'eventUrl: '],
    ['PUT', EVENT, { eventName: 'Day', eventOrganizer: 'Us', eventCancelled: 'no' }, 'eventCancelled: '],
    ['PUT', EVENT, { eventName: 'Day', eventOrganizer: 'Us', eventNam: 'x' }, '"eventNam"'],
    ['PUT', EVENT, { eventName: 'Day\0', eventOrganizer: 'Us' }, 'eventName: '],
  ])('%s %s with %j is answered with 400, naming the problem', async (method, path, body, named) => {
    const message = await expectError(await world.apiRequest(method, path, body), 400, 'invalid_request');
    expect(message).toContain(named);
    expect(message).toContain('Nothing was stored.');
  });

  it('names all wrong fields at once', async () => {
    const answer = await world.apiRequest('PUT', TIMELINE, { id: 5.5, timestamp: 'x', extraData: [] });
    const message = await expectError(answer, 400, 'invalid_request');
    expect(message).toMatch(/id: .*; timestamp: .*; extraData: /);
  });

  it('rejects JSON that is nested too deeply', async () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    const answer = await send('PUT', TIMELINE, `{"extraData":{"a":${deep}}}`);
    expect(await expectError(answer, 400, 'invalid_request')).toContain('extraData: is nested too deeply');
  });

  it.each(BODY_ROUTES)('%s %s with malformed JSON is answered with 400', async (method, path) => {
    for (const body of ['{', '{"a":', "{'a':1}", 'a=b', '\u0000']) {
      const message = await expectError(await send(method, path, body), 400, 'invalid_request');
      expect(message).toBe('The body is not valid JSON. Nothing was stored.');
    }
  });

  it.each(BODY_ROUTES)('%s %s reads a body without a JSON content type', async (method, path) => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream']) {
      await expectError(await send(method, path, '[5]', { 'content-type': type }), 400, 'invalid_request');
    }
  });

  it.each(BODY_ROUTES)(
    '%s %s reports a body that cannot be decompressed or decoded',
    async (method, path) => {
      const packed = await send(method, path, 'not gzip', { 'content-encoding': 'gzip' });
      await expectError(packed, 400, 'invalid_request');
      const odd = await send(method, path, '{}', { 'content-type': 'application/json; charset=latin1' });
      await expectError(odd, 415, 'invalid_request');
    },
  );

  it.each(['/hubid/%E0%A4%A', '/hubid/62515/contact/%', '/marketing-events/%ZZ/x', '/hubid/%/page'])(
    'GET %s is answered with 400 for its malformed percent-encoding',
    async (path) => {
      const message = await expectError(await world.apiRequest('GET', path), 400, 'invalid_request');
      expect(message).toBe('The URL holds a malformed percent-encoding.');
    },
  );

  it('accepts a malformed percent-encoding in a query as text', async () => {
    expect((await world.request('GET', '/?a=%ZZ&%=%')).status).toBe(200);
    const callback = await world.request('GET', '/oauth-callback?state=%ZZ&code=%E0%A4%A');
    await expectError(callback, 400, 'state_unknown');
  });

  it.each<[string, string]>([
    ['', 'portalId'],
    ['portalId=x&associatedObjectId=101&associatedObjectType=CONTACT', 'portalId'],
    ['portalId=62515&associatedObjectType=CONTACT', 'associatedObjectId'],
    ['portalId=62515&associatedObjectId=1e3&associatedObjectType=CONTACT', 'associatedObjectId'],
    ['portalId=62515&associatedObjectId=101', 'associatedObjectType'],
    ['portalId=62515&associatedObjectId=101&associatedObjectType=%00', 'associatedObjectType'],
    ['portalId=62515&portalId=62516&associatedObjectId=101&associatedObjectType=CONTACT', 'portalId'],
  ])('a signed card request with the query "%s" is answered with 400, naming %s', async (query, field) => {
    const answer = await signed(`/crm-extension${query && `?${query}`}`);
    expect(await expectError(answer, 400, 'invalid_request')).toContain(`${field}: `);
  });

  it.each<[string, string]>([
    ['/events/day-1?appId=193354', 'externalAccountId'],
    ['/events/day-1?externalAccountId=', 'externalAccountId'],
    ['/events/day-1?externalAccountId=a&externalAccountId=b', 'externalAccountId'],
    ['/events/a%00b?externalAccountId=a', 'externalEventId'],
  ])('a signed request for %s is answered with 400, naming %s', async (path, field) => {
    expect(await expectError(await signed(path), 400, 'invalid_request')).toContain(`${field}: `);
  });

  it('accepts a query value that is repeated with the same value', async () => {
    const query = 'portalId=62515&portalId=62515&associatedObjectId=101&associatedObjectType=CONTACT';
    expect((await signed(`/crm-extension?${query}`)).status).toBe(200);
  });

  /** With the API key and the body as it is. */
  const send = (method: string, path: string, body: string, headers: Record<string, string> = {}) =>
    world
      .apiRequest(method, path)
      .set({ 'content-type': 'application/json', ...headers })
      .send(body);

  const signed = (path: string, method = 'GET', body = '') => signedRequest(world, path, method, body);
});
