import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import { expectError } from '../helpers/expect-error.ts';
import { API_KEY } from '../helpers/settings.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const CONTACT = '/hubid/62515/contact/jane@example.com';
const TIMELINE = '/hubid/62515/timeline/jane@example.com';
const EVENT = '/marketing-events/acct/day-1';
const BODY_ROUTES = [
  ['POST', CONTACT],
  ['PUT', TIMELINE],
  ['PUT', EVENT],
] as const;

describe('what cannot be understood', () => {
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
    const answer = await world.api(method, path, method === 'GET' || method === 'DELETE' ? undefined : {});
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
  ])('%s %s with %j is answered with 400, naming what is wrong', async (method, path, body, named) => {
    const message = await expectError(await world.api(method, path, body), 400, 'invalid_request');
    expect(message).toContain(named);
    expect(message).toContain('Nothing was stored.');
  });

  it('names all wrong fields at once', async () => {
    const answer = await world.api('PUT', TIMELINE, { id: 5.5, timestamp: 'x', extraData: [] });
    const message = await expectError(answer, 400, 'invalid_request');
    expect(message).toMatch(/id: .*; timestamp: .*; extraData: /);
  });

  it('refuses JSON that is nested without end', async () => {
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

  it.each(BODY_ROUTES)('%s %s reads a body whose type was not declared', async (method, path) => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream']) {
      await expectError(await send(method, path, '[5]', { 'content-type': type }), 400, 'invalid_request');
    }
  });

  it.each(BODY_ROUTES)(
    '%s %s with a body that cannot be unpacked or decoded says so',
    async (method, path) => {
      const packed = await send(method, path, 'not gzip', { 'content-encoding': 'gzip' });
      await expectError(packed, 400, 'invalid_request');
      const odd = await send(method, path, '{}', { 'content-type': 'application/json; charset=latin1' });
      await expectError(odd, 415, 'invalid_request');
    },
  );

  it.each(['/hubid/%E0%A4%A', '/hubid/62515/contact/%', '/marketing-events/%ZZ/x', '/hubid/%/page'])(
    'GET %s is answered with 400: its percent-encoding is broken',
    async (path) => {
      const message = await expectError(await world.api('GET', path), 400, 'invalid_request');
      expect(message).toBe('The URL holds a malformed percent-encoding.');
    },
  );

  it('a broken percent-encoding in a query is text like any other', async () => {
    expect((await world.app('/?a=%ZZ&%=%')).status).toBe(200);
    const callback = await world.app('/oauth-callback?state=%ZZ&code=%E0%A4%A');
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
    const answer = await signed(`/crm-extension?${query}`);
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

  it('equal repeats of a query value are one value', async () => {
    const query = 'portalId=62515&portalId=62515&associatedObjectId=101&associatedObjectType=CONTACT';
    expect((await signed(`/crm-extension?${query}`)).status).toBe(200);
  });

  describe('what is too large', () => {
    const large = Buffer.alloc(10_000_000, 'a');

    it.each([...BODY_ROUTES, ['POST', '/webhook'] as const])(
      '%s %s with 10 MB is answered with 413, and the server goes on answering',
      async (method, path) => {
        const answer = await send(method, path, large, { 'x-hubspot-signature-v3': 'any' });
        const message = await expectError(answer, 413, 'body_too_large');
        expect(message).toBe(
          `The body is larger than ${path === '/webhook' ? 8 : 1} MB. Nothing was stored.`,
        );
        expect((await world.app('/healthz')).status).toBe(200);
      },
    );

    it('counts by its size unpacked', async () => {
      const bomb = new Blob([large]).stream().pipeThrough(new CompressionStream('gzip'));
      const body = await new Response(bomb).arrayBuffer();
      expect(body.byteLength).toBeLessThan(100_000);
      const answer = await send('POST', CONTACT, Buffer.from(body), { 'content-encoding': 'gzip' });
      await expectError(answer, 413, 'body_too_large');
    });

    it('is not read at all from a caller who may not come in', async () => {
      await expectError(await world.app('/webhook', { method: 'POST', body: large }), 401, 'unauthorized');
      for (const [method, path] of BODY_ROUTES) {
        await expectError(await world.app(path, { method, body: large }), 401, 'unauthorized');
      }
      expect((await world.app('/healthz')).status).toBe(200);
    });

    it('is no webhook of a hundred events with the longest values that HubSpot keeps', async () => {
      const event = { portalId: 62515, subscriptionType: 'x', propertyValue: 'a'.repeat(65_536) };
      const body = JSON.stringify(Array.from({ length: 100 }, () => event));
      expect((await signed('/webhook', 'POST', body)).status).toBe(204);
    });

    it('is what all callers send together before anybody knows them; it is given back when they go', async () => {
      const { host, port } = new URL(world.serverUrl);
      const head = `POST /webhook HTTP/1.1\r\nHost: ${host}\r\nX-HubSpot-Signature-v3: any\r\n`;
      const answers: string[] = [];
      const sockets = Array.from({ length: 10 }, () => {
        const socket = connect(Number(port), 'localhost');
        socket.on('data', (chunk) => answers.push(chunk.toString())).on('error', () => {});
        socket.write(`${head}Content-Length: 8000000\r\n\r\n`);
        socket.write(Buffer.alloc(7_900_000));
        return socket;
      });
      await until('a refusal', () => answers.length > 0);
      expect(answers[0]).toMatch(/^HTTP\/1\.1 503 .*Retry-After: 2.*"code":"busy"/s);
      // Nor do they keep out what is small.
      expect((await signed('/webhook', 'POST', '[]')).status).toBe(204);
      for (const socket of sockets) socket.destroy();
      const large = `[${' '.repeat(5_000_000)}]`;
      await until(
        'a large one to be taken',
        async () => (await signed('/webhook', 'POST', large)).status === 204,
      );
    });
  });

  it('a compressed webhook is refused: what is signed are the bytes sent', async () => {
    const answer = await send('POST', '/webhook', 'x', {
      'content-encoding': 'gzip',
      'x-hubspot-signature-v3': 'any',
    });
    await expectError(answer, 415, 'unsupported_encoding');
  });

  describe('what is not there', () => {
    it.each([
      ['GET', '/nothing'],
      ['POST', '/nothing'],
      ['GET', '/webhook'],
      ['PATCH', '/hubid/62515'],
      ['GET', '/assets/nothing.css'],
      ['GET', '/assets/..%2f..%2fpackage.json'],
      ['GET', '/.env'],
    ])('%s %s is answered with 404 in JSON for a program', async (method, path) => {
      await expectError(await world.app(path, { method }), 404, 'not_found');
    });

    it('a browser gets a page, with the request id and with nothing of the address as markup', async () => {
      const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
      const answer = await world.app('/<script>alert(1)</script>', { headers: browser });
      expect(answer.status).toBe(404);
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
      const text = await answer.text();
      expect(text).toContain('<h1>There is no such page</h1>');
      expect(text).toContain(answer.headers.get('x-request-id'));
      expect(text).not.toContain('<script>alert');
    });

    it('a portal that has not installed the app is told so, and what to do', async () => {
      const asked = [
        world.api('GET', '/hubid/999'),
        world.api('DELETE', '/hubid/999'),
        world.api('GET', '/hubid/999/contact/jane@example.com'),
        world.api('POST', '/hubid/999/contact/jane@example.com', { properties: {} }),
        world.api('PUT', '/hubid/999/timeline/jane@example.com'),
        signed('/crm-extension?portalId=999&associatedObjectId=101&associatedObjectType=CONTACT'),
      ];
      for (const answer of await Promise.all(asked)) {
        expect(await expectError(answer, 404, 'install_not_found')).toBe(
          'Portal 999 has not installed this app. Open /install to connect it.',
        );
      }
    });

    it('a contact, a card or a marketing event that is not there is told so', async () => {
      await expectError(await world.api('GET', '/hubid/62515/contact/no@example.com'), 404, 'not_found');
      await expectError(await world.api('GET', '/marketing-events/acct/none'), 404, 'not_found');
      await expectError(await world.api('DELETE', '/marketing-events/acct/none'), 404, 'not_found');
      const query = 'portalId=62515&associatedObjectId=999999&associatedObjectType=CONTACT';
      await expectError(await signed(`/crm-extension?${query}`), 404, 'not_found');
      const message = await expectError(await signed(`/crm-extension/none?${query}`), 404, 'not_found');
      expect(message).toBe('This app has no card "none".');
    });
  });

  it('what HubSpot refuses because of the caller’s values is the caller’s to read', async () => {
    const unknown = await world.api('POST', CONTACT, { properties: { no_such_property: 'x' } });
    const message = await expectError(unknown, 400, 'refused_by_hubspot');
    expect(message).toBe(
      'HubSpot refused the values: Property values were not valid: Property "no_such_property" does not exist',
    );
    const type = await world.api('PUT', TIMELINE, { eventTypeName: 'no_such_type' });
    await expectError(type, 400, 'refused_by_hubspot');
  });

  it.each<[string, Record<string, unknown>, number, string, string]>([
    [
      'a conflict',
      { status: 409, body: { category: 'CONFLICT', message: 'Contact already exists. Existing ID: 101' } },
      409,
      'refused_by_hubspot',
      'HubSpot refused the values: Contact already exists. Existing ID: 101',
    ],
    [
      'a missing record',
      {
        status: 404,
        body: { category: 'OBJECT_NOT_FOUND', message: 'Unable to infer object type from: foo' },
      },
      404,
      'not_found',
      'HubSpot has no such record in this portal: Unable to infer object type from: foo',
    ],
    [
      'a missing record without a word',
      { status: 404 },
      404,
      'not_found',
      'HubSpot has no such record in this portal.',
    ],
    ...[413, 414, 422].map((status): [string, Record<string, unknown>, number, string, string] => [
      `${status}`,
      { status, body: { message: 'There is too much of it.' } },
      400,
      'refused_by_hubspot',
      'HubSpot refused the values: There is too much of it.',
    ]),
    ...[402, 403, 405, 415, 499].map((status): [string, Record<string, unknown>, number, string, string] => [
      `${status}`,
      { status, body: { message: 'This oauth-token (CJ-secret) may not do that!' } },
      502,
      'hubspot_error',
      'HubSpot refused a request of this server: This oauth-token (…) may not do that! The operator finds the request in the log.',
    ]),
    [
      'what has no full stop',
      { status: 415, body: { message: 'No such media type' } },
      502,
      'hubspot_error',
      'HubSpot refused a request of this server: No such media type. The operator finds the request in the log.',
    ],
  ])('HubSpot’s sentence about %s is told', async (_what, failure, status, code, message) => {
    await world.sandbox.control('failures', { path: '/crm/*', ...failure });
    const answer = await world.api('POST', CONTACT, { properties: { firstname: 'x' } });
    const { error } = (await answer.json()) as { error: Record<string, unknown> };
    const existing = status === 409 ? { existingId: '101' } : {};
    expect([answer.status, error]).toEqual([
      status,
      { code, message, ...existing, requestId: expect.any(String) },
    ]);
  });

  it('the record that has a unique value is named where a batch was refused in part', async () => {
    const errors = [
      { status: 'error', category: 'CONFLICT', message: 'Contact already exists. Existing ID: 101' },
    ];
    await world.sandbox.control('failures', {
      ...{ path: '/crm/*', status: 207, body: { status: 'COMPLETE', results: [], numErrors: 1, errors } },
    });
    const answer = await world.api('POST', CONTACT, { properties: { firstname: 'x' } });
    expect(await answer.json()).toMatchObject({ error: { code: 'refused_by_hubspot', existingId: '101' } });
    expect(answer.status).toBe(409);
  });

  describe('the request id', () => {
    it('of the caller is kept when it is one', async () => {
      const answer = await world.app('/nothing', { headers: { 'x-request-id': 'caller-1234_5678' } });
      expect(answer.headers.get('x-request-id')).toBe('caller-1234_5678');
      await expectError(answer, 404, 'not_found');
    });

    it.each(['short', 'x'.repeat(65), 'with space here', '<script>alert(1)</script>', '{"a":"b"}xx'])(
      'of the caller is replaced when it is %s',
      async (given) => {
        const answer = await world.app('/nothing', { headers: { 'x-request-id': given } });
        expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
        await expectError(answer, 404, 'not_found');
      },
    );
  });

  function send(method: string, path: string, body: string | Buffer, headers: Record<string, string> = {}) {
    const standard = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };
    return world.app(path, { method, body, headers: { ...standard, ...headers } });
  }

  function signed(path: string, method = 'GET', body = '') {
    const clientSecret = 'sandbox-client-secret';
    const url = world.serverUrl + path;
    const headers = signatureHeaders(['v3'], { clientSecret, method, url, body, timestamp: Date.now() });
    return world.app(path, { method, headers, ...(body && { body }) });
  }
});
