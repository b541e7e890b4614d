import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sealTicket, TICKET_LIFETIME_MS } from '../../app/cards/page-ticket.ts';
import { signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import { expectError } from '../helpers/expect-error.ts';
import { type OwnPostgres, startOwnPostgres } from '../helpers/own-postgres.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const PORTAL = '/hubid/62515';
const BROWSER = { accept: 'text/html' };
const MESSAGE = 'The database of this server does not answer. Stored data is kept; try again shortly.';

describe('while the database is unavailable', () => {
  let postgres: OwnPostgres;
  let world: World;
  let storedKey: string;
  let ownCallback: string;
  let marketplaceCallback: string;

  beforeAll(async () => {
    postgres = await startOwnPostgres();
    world = await startWorld({ settings: { DATABASE_URL: postgres.url } });
    expect((await world.install()).status).toBe(200);
    storedKey = (await world.ctx.services.apiKeys.create('CRM', null)).key;
    const begun = await world.app('/install');
    ownCallback = await world.sandbox.decide(begun.headers.get('location') ?? '', 'approve', 62516);
    marketplaceCallback = (await world.sandbox.control('marketplace', { portalId: 62516 })).url;
    await postgres.stop();
  });
  afterAll(async () => {
    await world.close();
    await postgres.remove();
  });

  async function expectAway(answer: Response) {
    expect(await expectError(answer, 503, 'database_unavailable')).toBe(MESSAGE);
    expect(answer.headers.get('retry-after')).toBe('5');
  }

  it.each([
    { method: 'GET', path: PORTAL },
    { method: 'DELETE', path: PORTAL },
    { method: 'GET', path: `${PORTAL}/contact/jane@example.com` },
    { method: 'POST', path: `${PORTAL}/contact/jane@example.com`, body: { properties: { firstname: 'J' } } },
    { method: 'PUT', path: `${PORTAL}/timeline/jane@example.com`, body: {} },
    { method: 'GET', path: '/marketing-events/acct/day-1' },
    { method: 'PUT', path: '/marketing-events/acct/day-1', body: { eventName: 'Day', eventOrganizer: 'Us' } },
    { method: 'DELETE', path: '/marketing-events/acct/day-1' },
  ])('$method $path with the API key is answered with 503', async ({ method, path, body }) => {
    await expectAway(await world.api(method, path, body));
  });

  it('an API key of the database is answered with 503, not 401', async () => {
    await expectAway(await world.app(PORTAL, { headers: { authorization: `Bearer ${storedKey}` } }));
  });

  it.each([
    ['GET', '/crm-extension?portalId=62515&associatedObjectId=101&associatedObjectType=CONTACT', ''],
    [
      'POST',
      '/crm-extension/contact-overview/actions/make-customer',
      '{"portalId":62515,"associatedObjectId":101,"associatedObjectType":"CONTACT"}',
    ],
    ['GET', '/events/day-1?appId=193354&externalAccountId=acct', ''],
  ])('%s %s from HubSpot is answered with 503', async (method, path, body) => {
    await expectAway(await signed(method, path, body));
  });

  it('a webhook is answered with 503, so that HubSpot retries it', async () => {
    await expectError(await signed('POST', '/webhook', '[]'), 503, 'busy');
  });

  it('a browser gets an error page', async () => {
    const ticket = { card: 'contact-overview', portalId: 62515, objectType: 'CONTACT', objectId: '101' };
    const sealed = sealTicket(
      { ...ticket, expiresAt: Date.now() + TICKET_LIFETIME_MS },
      world.ctx.config.sessionSecret,
    );
    const callback = ownCallback.slice(world.serverUrl.length);
    for (const path of [callback, `${PORTAL}/page?ticket=${sealed}`]) {
      const answer = await world.app(path, { headers: BROWSER });
      const page = await answer.text();
      expect([answer.status, page]).toEqual([503, expect.stringContaining('<h1>Not available now</h1>')]);
      expect(page).toContain(MESSAGE);
    }
    expect((await world.app('/', { headers: BROWSER })).status).toBe(200);
    expect((await world.app('/install', { headers: BROWSER })).status).toBe(302);
  });

  it('the process is alive but not ready', async () => {
    expect((await world.app('/healthz')).status).toBe(200);
    const ready = await world.app('/readyz');
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { status: 'not ready', checks: { database: 'does not answer' } },
    ]);
  });

  it('no authorization code is used up: both installs succeed when it is back', async () => {
    const marketplace = marketplaceCallback.slice(world.serverUrl.length);
    expect((await world.app(marketplace, { headers: BROWSER })).status).toBe(503);
    await postgres.start();
    expect((await world.app(marketplace, { headers: BROWSER })).status).toBe(302);
    expect((await world.app(ownCallback.slice(world.serverUrl.length), { headers: BROWSER })).status).toBe(
      200,
    );
    expect((await world.api('GET', `${PORTAL}/contact/jane@example.com`)).status).toBe(200);
    await until('the process to be ready', async () => (await world.app('/readyz')).status === 200);
  });

  function signed(method: string, path: string, body: string) {
    const headers = signatureHeaders(['v3'], {
      clientSecret: 'sandbox-client-secret',
      method,
      body,
      timestamp: Date.now(),
      url: world.serverUrl + path,
    });
    return world.app(path, {
      method,
      headers: { ...headers, 'content-type': 'application/json' },
      ...(body && { body }),
    });
  }
});
