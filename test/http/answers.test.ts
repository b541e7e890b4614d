import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { maskEmails } from '../../app/base/logger.ts';
import { sealTicket, TICKET_LIFETIME_MS } from '../../app/cards/page-ticket.ts';
import { SECURITY_HEADERS } from '../../app/http/security-headers.ts';
import { expectError } from '../helpers/expect-error.ts';
import { createMemoryLog } from '../helpers/memory-log.ts';
import { signedRequest } from '../helpers/signed-request.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const { logger, lines } = createMemoryLog('debug');
let world: World;
beforeAll(async () => {
  world = await startWorld({ logger });
  expect((await world.install()).status).toBe(200);
});
afterAll(() => world.close());

const signed = (path: string, method = 'GET', body = '') => signedRequest(world, path, method, body);

describe('every answer has the security headers, and only assets may be cached', () => {
  const query = 'portalId=62515&associatedObjectId=101&associatedObjectType=CONTACT';

  it.each([
    ['GET', '/healthz'],
    ['GET', '/readyz'],
    ['GET', '/'],
    ['GET', '/assets/app.css'],
    ['GET', '/nowhere'],
    ['POST', '/webhook'],
    ['GET', '/hubid/62515'],
    ['GET', '/hubid/62515/contact/jane@example.com'],
    ['POST', '/hubid/62515/contact/jane@example.com'],
    ['PUT', '/hubid/62515/timeline/jane@example.com'],
    ['GET', '/marketing-events/acct/day-1'],
    ['GET', `/crm-extension?${query}`],
    ['GET', '/crm-extension?portalId=none'],
    ['GET', '/events/none?appId=193354&externalAccountId=acct'],
  ])('%s %s', async (method, path) => {
    const answers = [
      await world.request(method, path),
      await world.apiRequest(method, path, method === 'GET' ? undefined : {}),
      await signed(path, method),
    ];
    for (const { headers } of answers) {
      for (const [name, value] of Object.entries(SECURITY_HEADERS))
        expect(headers[name.toLowerCase()]).toBe(value);
      const caching = path.startsWith('/assets/') ? 'public, max-age=3600' : 'no-store';
      expect(headers['cache-control']).toBe(caching);
    }
  });

  it('POST /webhook when acknowledged', async () => {
    const { status, headers } = await signed('/webhook', 'POST', '[]');
    expect(status).toBe(204);
    for (const [name, value] of Object.entries(SECURITY_HEADERS))
      expect(headers[name.toLowerCase()]).toBe(value);
  });
});

it.each([
  '/nowhere/jane.unknown@example.com',
  '/nowhere/jane.unknown%40example.com',
  '/nowhere/jane.unknown%2540example.com',
  '/hubid/62515/contact/jane.unknown@example.com/x?email=jane.unknown@example.com',
])('no e-mail address or query is logged for %s', async (path) => {
  const from = lines.length;
  await expectError(await world.request('GET', path), 404, 'not_found');
  await until('the lines', () => lines.slice(from).some(({ res }) => res !== undefined));
  expect(JSON.stringify(lines.slice(from))).not.toContain('jane.unknown');
});

it('no e-mail address is logged when a card is unknown', async () => {
  const from = lines.length;
  const query = 'portalId=62515&associatedObjectId=101&associatedObjectType=CONTACT';
  await expectError(await signed(`/crm-extension/jane.unknown@example.com?${query}`), 404, 'not_found');
  await until('the lines', () => lines.slice(from).some(({ res }) => res !== undefined));
  expect(JSON.stringify(lines.slice(from))).not.toContain('jane.unknown');
});

it('masks e-mail addresses in a path of a megabyte at once', () => {
  // One regular expression for the whole path took minutes.
  const long = `/${'a'.repeat(1_000_000)}`;
  expect(maskEmails(`${long}/jane@example.com${long}`)).toBe(`${long}/:email${long}`);
});

describe('an unknown path', () => {
  it.each([
    ['/%77ebhooks', 'did you mean /webhooks?'],
    ['/hubid/62515/contact%2Fjane', undefined],
    ['/nowhere/%F0%9F%98%80', undefined],
  ])('%s: the answer has a hint only when it is another spelling of a known path', async (path, hint) => {
    const message = await expectError(await world.request('GET', path), 404, 'not_found');
    if (hint) expect(message).toContain(hint);
    else expect(message).toBe(`This server has no GET ${path}.`);
  });
});

describe('a message says that nothing was stored', () => {
  it('when a PUT is invalid', async () => {
    const answer = await world.apiRequest('PUT', '/marketing-events/acct/day-1', { eventName: 5 });
    expect(await expectError(answer, 400, 'invalid_request')).toMatch(/Nothing was stored\.$/);
  });

  it('but not when a GET is invalid', async () => {
    const answer = await world.apiRequest('GET', '/hubid/none');
    expect(await expectError(answer, 400, 'invalid_request')).not.toContain('Nothing was');
  });
});

describe('a card for contacts', () => {
  const at = (card: string, objectType: string, id = '101') =>
    `/crm-extension${card}?portalId=62515&associatedObjectId=${id}&associatedObjectType=${objectType}`;

  it.each(['', '/contact-overview', '/contact-overview/actions/make-customer'])(
    'is not found at /crm-extension%s for a company of the same id',
    async (card) => {
      const message = await expectError(await signed(at(card, 'COMPANY')), 404, 'not_found');
      expect(message).toContain('not for COMPANY records');
      const { properties } = await world.ctx.hubspotFor(62515).contacts.get('101');
      expect(properties.lifecyclestage).not.toBe('customer');
    },
  );

  it('is shown on contacts in upper and lower case', async () => {
    for (const type of ['CONTACT', 'contact']) expect((await signed(at('', type))).status).toBe(200);
  });

  it('has a page that does not open for another type', async () => {
    const ticket = {
      card: 'contact-overview',
      portalId: 62515,
      objectId: '101',
      expiresAt: Date.now() + TICKET_LIFETIME_MS,
    };
    const open = (objectType: string) =>
      world
        .request(
          'GET',
          `/hubid/62515/page?ticket=${sealTicket({ ...ticket, objectType }, world.ctx.config.sessionSecret)}`,
        )
        .set('accept', 'text/html');
    const company = await open('COMPANY');
    expect([company.status, company.text]).toEqual([401, expect.not.stringContaining('Jane')]);
    expect((await open('CONTACT')).status).toBe(200);
  });
});
