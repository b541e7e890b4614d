import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { maskEmails } from '../../app/base/logger.ts';
import { sealTicket, TICKET_LIFETIME_MS } from '../../app/cards/page-ticket.ts';
import { SECURITY_HEADERS } from '../../app/http/security-headers.ts';
import { signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import { expectError } from '../helpers/expect-error.ts';
import { createMemoryLog } from '../helpers/memory-log.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const { logger, lines } = createMemoryLog('debug');
let world: World;
beforeAll(async () => {
  world = await startWorld({ logger });
  expect((await world.install()).status).toBe(200);
});
afterAll(() => world.close());

const signed = (path: string, method = 'GET', body = '') =>
  world.app(path, {
    method,
    ...(body && { body }),
    headers: signatureHeaders(['v3'], {
      ...{ clientSecret: 'sandbox-client-secret', method, body, timestamp: Date.now() },
      url: world.serverUrl + path,
    }),
  });

describe('every answer carries the security headers, and all but assets are kept by no cache', () => {
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
      await world.app(path, { method }),
      await world.api(method, path, method === 'GET' ? undefined : {}),
      await signed(path, method),
    ];
    for (const { headers } of answers) {
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) expect(headers.get(name)).toBe(value);
      const caching = path.startsWith('/assets/') ? 'public, max-age=3600' : 'no-store';
      expect(headers.get('cache-control')).toBe(caching);
    }
  });

  it('an acknowledged delivery', async () => {
    const { status, headers } = await signed('/webhook', 'POST', '[]');
    expect(status).toBe(204);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) expect(headers.get(name)).toBe(value);
  });
});

it.each([
  '/nowhere/jane.unknown@example.com',
  '/nowhere/jane.unknown%40example.com',
  '/nowhere/jane.unknown%2540example.com',
  '/hubid/62515/contact/jane.unknown@example.com/x?email=jane.unknown@example.com',
])('no e-mail address or query is logged for %s', async (path) => {
  const from = lines.length;
  await expectError(await world.app(path), 404, 'not_found');
  await until('the lines', () => lines.slice(from).some(({ res }) => res !== undefined));
  expect(JSON.stringify(lines.slice(from))).not.toContain('jane.unknown');
});

it('no e-mail address is logged of a card that is not there', async () => {
  const from = lines.length;
  const query = 'portalId=62515&associatedObjectId=101&associatedObjectType=CONTACT';
  await expectError(await signed(`/crm-extension/jane.unknown@example.com?${query}`), 404, 'not_found');
  await until('the lines', () => lines.slice(from).some(({ res }) => res !== undefined));
  expect(JSON.stringify(lines.slice(from))).not.toContain('jane.unknown');
});

it('an address of any length is masked at once', () => {
  // In one expression for the whole address this took minutes.
  const long = `/${'a'.repeat(1_000_000)}`;
  expect(maskEmails(`${long}/jane@example.com${long}`)).toBe(`${long}/:email${long}`);
});

describe('an unknown address', () => {
  it.each([
    ['/%77ebhooks', 'did you mean /webhooks?'],
    ['/hubid/62515/contact%2Fjane', undefined],
    ['/nowhere/%F0%9F%98%80', undefined],
  ])('%s is answered with a hint only where it is another spelling', async (path, hint) => {
    const message = await expectError(await world.app(path), 404, 'not_found');
    if (hint) expect(message).toContain(hint);
    else expect(message).toBe(`This server has no GET ${path}.`);
  });
});

describe('what was not stored is said of requests that were to store something', () => {
  it('of a PUT', async () => {
    const answer = await world.api('PUT', '/marketing-events/acct/day-1', { eventName: 5 });
    expect(await expectError(answer, 400, 'invalid_request')).toMatch(/Nothing was stored\.$/);
  });

  it('not of a GET', async () => {
    const answer = await world.api('GET', '/hubid/none');
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

  it('is shown on contacts, however HubSpot spells the type', async () => {
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
      world.app(
        `/hubid/62515/page?ticket=${sealTicket({ ...ticket, objectType }, world.ctx.config.sessionSecret)}`,
        { headers: { accept: 'text/html' } },
      );
    const company = await open('COMPANY');
    expect([company.status, await company.text()]).toEqual([401, expect.not.stringContaining('Jane')]);
    expect((await open('CONTACT')).status).toBe(200);
  });
});
