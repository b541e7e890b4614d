import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { requireSeparable } from '../../app/verification/separable.ts';
import { signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import { expectError } from '../helpers/expect-error.ts';
import { rawRequest } from '../helpers/raw-request.ts';
import { startWorld, type World } from '../helpers/world.ts';

const PATH = '/crm-extension/contact-overview/actions/make-customer';
const FORM = 'application/x-www-form-urlencoded';

type Request = { method: string; target: string; body: string; isForm: boolean };

const isAccepted = (request: Request): boolean => {
  try {
    requireSeparable({ route: 'card', ...request });
    return true;
  } catch {
    return false;
  }
};

/** What the action would be told: names and values, as the route reads them. */
function valuesOf({ target, body, isForm }: Request): Set<string> {
  const query = target.includes('?') ? target.slice(target.indexOf('?') + 1) : '';
  const pairs = [...new URLSearchParams(query)];
  if (isForm) pairs.push(...new URLSearchParams(body));
  else if (body) pairs.push(...Object.entries<string>(JSON.parse(body)));
  return new Set(pairs.map((pair) => JSON.stringify(pair)));
}

/** Requests as HubSpot sends them. */
const hubspots = fc
  .record({
    values: fc.dictionary(
      fc.stringMatching(/^[a-z_]{1,8}$/),
      fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.stringMatching(/^\d{1,6}$/)),
      { minKeys: 1, maxKeys: 5, noNullPrototype: true },
    ),
    shape: fc.constantFrom('query', 'form', 'both forms', 'json', 'query and json'),
  })
  .filter(({ values }) => Object.values(values).every((value) => value.isWellFormed()))
  .map(({ values, shape }): Request => {
    const query = String(new URLSearchParams(values));
    const json = JSON.stringify(values);
    const inQuery = shape.includes('query') || shape.startsWith('both');
    const body = shape.includes('json') ? json : shape.includes('form') ? query : '';
    return {
      method: body ? 'POST' : 'GET',
      target: inQuery ? `${PATH}?${query}` : PATH,
      body,
      isForm: shape.includes('form'),
    };
  });

describe('a signed request that is cut elsewhere between address and body', () => {
  it('is accepted as HubSpot sends it', () => {
    fc.assert(fc.property(hubspots, (request) => isAccepted(request)));
  });

  it('is refused, or says the same, at every position', () => {
    fc.assert(
      fc.property(hubspots, fc.constantFrom('GET', 'POST'), fc.boolean(), (sent, method, isForm) => {
        const signed = sent.target + sent.body;
        // The path is the route: what is cut out of it reaches no action, or another one.
        for (let cut = PATH.length; cut <= signed.length; cut += 1) {
          const recut = { method, target: signed.slice(0, cut), body: signed.slice(cut), isForm };
          const isOnRoute = recut.target === PATH || recut.target.startsWith(`${PATH}?`);
          if (!isOnRoute || !isAccepted(recut)) continue;
          let told: Set<string>;
          try {
            told = valuesOf(recut);
          } catch {
            // JSON that is not whole is refused when it is read.
            continue;
          }
          expect(told).toEqual(valuesOf(sent));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('through the front door', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    expect((await world.install()).status).toBe(200);
  });
  afterAll(() => world.close());

  const query = (objectId: string) =>
    `portalId=62515&associatedObjectType=CONTACT&associatedObjectId=${objectId}`;

  const sign = (method: string, target: string, body: string) =>
    signatureHeaders(['v3'], {
      ...{ clientSecret: 'sandbox-client-secret', method, url: world.serverUrl + target, body },
      timestamp: Date.now(),
    });

  it('a digit that is moved from the record id into the body changes no other record', async () => {
    const headers = { ...sign('POST', `${PATH}?${query('1021')}`, ''), 'content-type': FORM };
    const answer = await world.app(`${PATH}?${query('102')}`, { method: 'POST', body: '1', headers });
    await expectError(answer, 400, 'invalid_request');
    const { properties } = await world.ctx.hubspotFor(62515).contacts.get('102');
    expect(properties.lifecyclestage).not.toBe('customer');
  });

  it.each([
    ['a card', '/crm-extension?', 'GET'],
    ['event details', '/events/day-1?appId=193354&externalAccountId=acct&', 'GET'],
  ])('a body is refused with a request for %s', async (_what, path, method) => {
    const target = path + query('101');
    const answer = await rawRequest(world.serverUrl, {
      ...{ method, target, body: '1' },
      headers: sign(method, `${target}1`, ''),
    });
    expect(answer).toMatchObject({ status: 400 });
  });

  it('a delivery is refused when a card had it signed, whose code its user can change', async () => {
    const { rows } = await world.ctx.pool.query('select count(*) from webhook_deliveries');
    const body = '[{"subscriptionType":"contact.creation","portalId":62515,"objectId":101}]';
    for (const target of ['/webhook?appId=193354&portalId=62515', '/webhook?environment=eu&userId=7']) {
      const answer = await rawRequest(world.serverUrl, {
        ...{ method: 'POST', target, body, headers: sign('POST', target, body) },
      });
      expect(answer).toMatchObject({ status: 400 });
    }
    const after = await world.ctx.pool.query('select count(*) from webhook_deliveries');
    expect(after.rows).toEqual(rows);
  });

  it.each([['the whole address', () => `${world.serverUrl}/webhook`, 204]])(
    'a delivery to %s is understood',
    async (_what, target, status) => {
      const headers = sign('POST', '/webhook', '[]');
      const answer = await rawRequest(world.serverUrl, {
        method: 'POST',
        target: target(),
        body: '[]',
        headers,
      });
      expect(answer.status).toBe(status);
      expect(answer.body).not.toContain('This server has no');
    },
  );

  it('another spelling of an address is told from an unknown one', async () => {
    const headers = sign('POST', '/webhook', '[]');
    const answer = await rawRequest(world.serverUrl, {
      method: 'POST',
      target: '/%77ebhook',
      body: '[]',
      headers,
    });
    expect(answer.status).toBe(404);
    expect(answer.body).toContain('did you mean /webhook?');
  });
});
