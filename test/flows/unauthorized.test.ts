import { createHmac } from 'node:crypto';
import { get } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sealTicket, TICKET_LIFETIME_MS } from '../../app/cards/page-ticket.ts';
import { webhookJobs } from '../../app/webhooks/index.ts';
import { type SignatureVersion, signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import { API_KEY } from '../helpers/settings.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const MINUTE = 60 * 1000;
const SECRET = 'sandbox-client-secret';
const EVENT = { subscriptionType: 'contact.propertyChange', portalId: 62515, objectId: 101 };

describe('requests without authorization', () => {
  let world: World;
  let ahead = 0;
  beforeAll(async () => {
    world = await startWorld({ clock: { now: () => Date.now() + ahead } });
    expect((await world.install()).status).toBe(200);
  });
  beforeEach(() => {
    ahead = 0;
  });
  afterAll(() => world.close());

  const routes = [
    { method: 'POST', path: '/webhook', body: JSON.stringify([EVENT]) },
    {
      method: 'GET',
      path: '/crm-extension?portalId=62515&associatedObjectId=101&associatedObjectType=CONTACT',
      body: '',
    },
    {
      method: 'GET',
      path: '/crm-extension/contact-overview?portalId=62515&associatedObjectId=101',
      body: '',
    },
    {
      method: 'POST',
      path: '/crm-extension/contact-overview/actions/make-customer',
      body: '{"portalId":62515}',
    },
    { method: 'GET', path: '/events/day-1?appId=193354&externalAccountId=acct', body: '' },
  ];

  describe.each(routes)('$method $path', (route) => {
    it.each<[string, () => Record<string, string>]>([
      ['unsigned', () => ({})],
      ['signed with another secret', () => sign(route, { secret: 'another-secret' })],
      ['signed for another path', () => sign({ ...route, path: `${route.path}x` })],
      ['signed for another host', () => sign(route, { serverUrl: 'https://other.example' })],
      ['signed for another body', () => sign({ ...route, body: `${route.body} ` })],
      ['signed for another method', () => sign({ ...route, method: 'PUT' })],
      ['more than five minutes old', () => sign(route, { timestamp: Date.now() - 5 * MINUTE - 1000 })],
      ['from the future', () => sign(route, { timestamp: Date.now() + 6 * MINUTE })],
      ['with a timestamp that is none', () => ({ ...sign(route), 'X-HubSpot-Request-Timestamp': 'now' })],
      ['with a signature that is none', () => ({ ...sign(route), 'X-HubSpot-Signature-v3': '?' })],
      ['with an empty v3 beside a right v2', () => ({ ...sign(route, { version: 'v2' }), ...EMPTY_V3 })],
      ['in a version that HubSpot never had', () => ({ ...sign(route, { version: 'v2' }), ...VERSION_9 })],
      ['with the API key instead of a signature', () => ({ authorization: `Bearer ${API_KEY}` })],
    ])('%s is rejected, without storing anything or calling HubSpot', async (_what, headers) => {
      const before = await everything();
      await expectUnauthorized(await send(route, headers()));
      expect(await everything()).toEqual(before);
    });
  });

  it('the signed URL is the configured one, whatever the Host header is', async () => {
    const route = { method: 'GET', path: '/events/day-1?appId=193354&externalAccountId=acct', body: '' };
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example' };
    const forged = sign(route, { serverUrl: 'http://evil.example' });
    expect(await statusOf(route.path, { ...forged, ...headers })).toBe(401);
    expect(await statusOf(route.path, { ...sign(route), ...headers })).toBe(404);
  });

  it.each<[SignatureVersion, string, number]>([
    ['v1', '/crm-extension?portalId=62515&associatedObjectId=101&associatedObjectType=CONTACT', 401],
    ['v2', '/crm-extension?portalId=62515&associatedObjectId=101&associatedObjectType=CONTACT', 401],
    ['v3', '/crm-extension?portalId=62515&associatedObjectId=101&associatedObjectType=CONTACT', 200],
    ['v1', '/events/day-1?appId=193354&externalAccountId=acct', 401],
    ['v2', '/events/day-1?appId=193354&externalAccountId=acct', 401],
    ['v3', '/events/day-1?appId=193354&externalAccountId=acct', 404],
  ])('a %s signature at %s is answered with %i, as v3 alone is accepted', async (version, path, status) => {
    const route = { method: 'GET', path, body: '' };
    expect((await send(route, sign(route, { version }))).status).toBe(status);
  });

  describe('POST /webhook', () => {
    // An accepted delivery asks for its splitting a moment after its answer; later asks share that job.
    afterEach(async () => {
      if ((await rows('webhook_deliveries')) > 0)
        await until('the splitting to be asked for', async () => (await rows('graphile_worker.jobs')) > 0);
    });

    it.each([
      ['v1', 401],
      ['v2', 401],
      ['v3', 204],
    ] as const)('signed in %s alone is answered with %i', async (signature, status) => {
      const before = await rows('webhook_deliveries');
      const { deliveries } = await world.sandbox.control('webhooks', { events: [EVENT], signature });
      expect(deliveries).toMatchObject([{ status }]);
      expect(await rows('webhook_deliveries')).toBe(before + (status === 204 ? 1 : 0));
    });

    it.each([
      ['a body that is not JSON', '{"eventId":'],
      ['an empty body', ''],
      ['bytes that are not text', Buffer.from([0xff, 0x00, 0xfe])],
      ['JSON that is no list', '{"a":1}'],
    ])('%s is stored unchanged when its signature is valid', async (_what, body) => {
      const bytes = Buffer.from(body);
      const timestamp = String(Date.now());
      const hmac = createHmac('sha256', SECRET).update(`POST${world.serverUrl}/webhook`).update(bytes);
      const headers = {
        'X-HubSpot-Signature-v3': hmac.update(timestamp).digest('base64'),
        'X-HubSpot-Request-Timestamp': timestamp,
      };
      const answer = await world.app('/webhook', { method: 'POST', body: bytes, headers });
      expect([answer.status, await answer.text()]).toEqual([204, '']);
      const { rows } = await world.ctx.pool.query(
        'select body, state from webhook_deliveries order by id desc limit 1',
      );
      expect(rows).toEqual([{ body: bytes, state: 'waiting' }]);
    });
  });

  describe('the page behind a card', () => {
    const good = { card: 'contact-overview', portalId: 62515, objectType: 'CONTACT', objectId: '101' };
    const seal = (ticket: Partial<typeof good> = {}, secret = 'test-session-secret-test-session-secret') =>
      sealTicket({ ...good, ...ticket, expiresAt: Date.now() + TICKET_LIFETIME_MS }, secret);

    it.each<[string, () => string]>([
      ['no ticket', () => '/hubid/62515/page'],
      ['an empty ticket', () => '/hubid/62515/page?ticket='],
      ['two tickets', () => `/hubid/62515/page?ticket=${seal()}&ticket=${seal()}`],
      ['a forged ticket', () => `/hubid/62515/page?ticket=${seal({}, 'x'.repeat(40))}`],
      ['an altered ticket', () => `/hubid/62515/page?ticket=A${seal().slice(1)}`],
      ['a ticket for another portal', () => `/hubid/62515/page?ticket=${seal({ portalId: 62516 })}`],
      ['a ticket at another portal’s address', () => `/hubid/62516/page?ticket=${seal()}`],
      ['a ticket at an address that is none', () => `/hubid/062515/page?ticket=${seal()}`],
      ['the API key', () => `/hubid/62515/page?ticket=${API_KEY}`],
    ])('does not open with %s', async (_what, path) => {
      const asked = await requestsToHubSpot();
      const answer = await world.app(path(), { headers: BROWSER });
      expect(answer.status).toBe(401);
      const text = await answer.text();
      expect(text).toContain('This page cannot be shown');
      expect(text).not.toContain('Jane');
      expect(await requestsToHubSpot()).toBe(asked);
    });

    it('does not open after fifteen minutes', async () => {
      const path = `/hubid/62515/page?ticket=${seal()}`;
      expect((await world.app(path, { headers: BROWSER })).status).toBe(200);
      ahead = TICKET_LIFETIME_MS + 1000;
      const answer = await world.app(path, { headers: BROWSER });
      expect(answer.status).toBe(401);
      expect(await answer.text()).toContain('Reload the record in HubSpot');
    });

    it('may be framed by HubSpot also when it shows an error', async () => {
      const { headers } = await world.app('/hubid/62515/page', { headers: BROWSER });
      expect(headers.get('content-security-policy')).toContain(
        `frame-ancestors https://*.hubspot.com ${world.sandboxUrl}`,
      );
      expect(headers.get('x-frame-options')).toBeNull();
      expect(headers.get('cache-control')).toBe('no-store');
      const { headers: elsewhere } = await world.app('/', { headers: BROWSER });
      expect(elsewhere.get('content-security-policy')).toContain("frame-ancestors 'self'");
    });
  });

  describe.each([
    ['GET', '/hubid/62515'],
    ['DELETE', '/hubid/62515'],
    ['GET', '/hubid/62515/contact/jane@example.com'],
    ['POST', '/hubid/62515/contact/jane@example.com'],
    ['PUT', '/hubid/62515/timeline/jane@example.com'],
    ['GET', '/marketing-events/acct/day-1'],
    ['PUT', '/marketing-events/acct/day-1'],
    ['DELETE', '/marketing-events/acct/day-1'],
  ])('%s %s', (method, path) => {
    it.each<[string, Record<string, string>]>([
      ['without a key', {}],
      ['with a wrong key', { authorization: `Bearer ${'x'.repeat(API_KEY.length)}` }],
      ['with a key and one more character', { authorization: `Bearer ${API_KEY}x` }],
      ['with a key in another case', { authorization: `Bearer ${API_KEY.toUpperCase()}` }],
      ['with an empty key', { authorization: 'Bearer ' }],
      ['with the key as a password', { authorization: `Basic ${btoa(`:${API_KEY}`)}` }],
      ['with the key in another header', { 'x-api-key': API_KEY }],
    ])('%s is rejected', async (_what, headers) => {
      const before = await everything();
      const answer = await world.app(path, { method, headers });
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      await expectUnauthorized(answer);
      expect(await everything()).toEqual(before);
    });

    it('with the key in the URL is rejected', async () => {
      await expectUnauthorized(await world.app(`${path}?api_key=${API_KEY}`, { method }));
    });
  });

  interface Route {
    readonly method: string;
    readonly path: string;
    readonly body: string;
  }

  function sign(
    { method, path, body }: Route,
    {
      secret = SECRET,
      timestamp = Date.now(),
      version = 'v3' as SignatureVersion,
      serverUrl = world.serverUrl,
    } = {},
  ): Record<string, string> {
    return signatureHeaders([version], {
      clientSecret: secret,
      method,
      url: serverUrl + path,
      body,
      timestamp,
    });
  }

  function send({ method, path, body }: Route, headers: Record<string, string>) {
    return world.app(path, { method, headers, ...(body && { body }) });
  }

  /** A request with headers of one's own choice: fetch does not let go of Host. */
  function statusOf(path: string, headers: Record<string, string>): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      get(world.serverUrl + path, { headers, agent: false }, (res) => {
        res.resume();
        resolve(res.statusCode);
      }).on('error', reject);
    });
  }

  /** No word about what was wrong. */
  async function expectUnauthorized(answer: Response) {
    expect(answer.status).toBe(401);
    const requestId = answer.headers.get('x-request-id');
    expect(requestId).toMatch(/^[\w-]{8,}$/);
    expect(await answer.json()).toEqual({
      error: { code: 'unauthorized', message: 'This request is not authorised.', requestId },
    });
  }

  async function rows(table: string): Promise<number> {
    const result = await world.ctx.pool.query(`select count(*) from ${table}`);
    return result.rows[0].count;
  }

  /** How much of everything there is: rows of each table that a request could add to, and requests to HubSpot. */
  async function everything() {
    const tables = ['installs', 'oauth_states', 'webhook_deliveries', 'webhook_events', 'timeline_events'];
    tables.push('marketing_events');
    const counts = await Promise.all(tables.map(rows));
    // The receiver enqueues the splitting of acknowledged deliveries, which are counted themselves, a moment later.
    const jobs = `graphile_worker.jobs where task_identifier <> '${webhookJobs.split.name}'`;
    return [...counts, await rows(jobs), await requestsToHubSpot()];
  }

  async function requestsToHubSpot(): Promise<number> {
    return (await world.sandbox.read('requests')).results.length;
  }
});

const EMPTY_V3 = { 'X-HubSpot-Signature-v3': '', 'X-HubSpot-Request-Timestamp': String(Date.now()) };
const VERSION_9 = { 'X-HubSpot-Signature-Version': 'v9' };
const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
