import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  diagnose,
  type RejectedRequest,
  type SignedRoute,
} from '../../../../app/http/signature/explain/diagnose.ts';
import { type SignatureVersion, verifySignature } from '../../../../app/http/signature/signature.ts';
import { signatureHeaders } from '../../../../sandbox/webhooks/sign.ts';

const SERVER_URL = 'https://app.example.com';
const SECRET = 'present-client-secret';
const FORMER = 'former-client-secret';
const NOW = 1_795_219_200_000;
const MINUTE = 60_000;
const PROXY = 'proxy in front of this server';

interface Case {
  /** What HubSpot signed. */
  readonly signed?: {
    url?: string;
    secret?: string;
    timestamp?: number;
    versions?: readonly SignatureVersion[];
    method?: string;
    body?: string;
  };
  /** What arrived. */
  readonly serverUrl?: string;
  readonly target?: string;
  readonly body?: string;
  readonly route?: SignedRoute;
  readonly accepted?: readonly SignatureVersion[];
  readonly address?: Partial<RejectedRequest['address']>;
  readonly headers?: Record<string, string | undefined>;
}

const CARD =
  '/crm-extension?portalId=62515&userEmail=a%40b.co&associatedObjectId=101&firstname=Tim%20O%27Neil';

/** The refusal of a request, as the server would tell of it. */
function refusalOf({ signed = {}, ...arrived }: Case): RejectedRequest {
  const {
    serverUrl = SERVER_URL,
    target = '/webhook',
    body = '[{"eventId":1}]',
    route = 'webhook',
  } = arrived;
  const { accepted = ['v3', 'v2', 'v1'] } = arrived;
  const made = signatureHeaders(signed.versions ?? ['v3'], {
    clientSecret: signed.secret ?? SECRET,
    method: signed.method ?? 'POST',
    url: signed.url ?? serverUrl + target,
    body: signed.body ?? body,
    timestamp: signed.timestamp ?? NOW,
  });
  const headers = { ...made, ...arrived.headers };
  const parts = {
    method: 'POST',
    url: serverUrl + target,
    rawBody: Buffer.from(body),
    headers: {
      signature: headers['X-HubSpot-Signature'],
      signatureVersion: headers['X-HubSpot-Signature-Version'],
      signatureV3: headers['X-HubSpot-Signature-v3'],
      timestamp: headers['X-HubSpot-Request-Timestamp'],
    },
  };
  const verdict = verifySignature(parts, [SECRET], accepted, NOW);
  if (verdict.ok) throw new Error('The request would have been let in.');
  const address = { serverUrl, target, ...arrived.address };
  return { reason: verdict.reason, route, accepted, parts, address, at: NOW };
}

const diagnosed = (given: Case) =>
  diagnose(refusalOf(given), { configured: [SECRET], former: [FORMER, 'another-one'] });

describe('the base URL', () => {
  it.each<[string, Case, string]>([
    ['http and https swapped', { serverUrl: 'http://app.example.com' }, SERVER_URL],
    [
      'the address inside, with HubSpot’s in the Host header',
      { serverUrl: 'http://localhost:3000', address: { host: 'app.example.com' } },
      SERVER_URL,
    ],
    [
      'the address inside, with HubSpot’s in X-Forwarded-Host',
      {
        serverUrl: 'http://10.0.0.7:8080',
        address: { host: '10.0.0.7:8080', forwardedHost: 'app.example.com, proxy.internal' },
      },
      SERVER_URL,
    ],
    ['a port too many', { serverUrl: 'https://app.example.com:8443' }, SERVER_URL],
    [
      'a port too few',
      { signed: { url: 'https://app.example.com:8443/webhook' }, address: { forwardedPort: '8443' } },
      'https://app.example.com:8443',
    ],
    [
      'the usual port, which HubSpot was told to call',
      { signed: { url: 'https://app.example.com:443/webhook' } },
      'https://app.example.com:443',
    ],
    ['a path too many', { serverUrl: 'https://app.example.com/hubspot' }, SERVER_URL],
    [
      'a path that the proxy takes away and tells of',
      {
        signed: { url: 'https://app.example.com/hubspot/webhook' },
        address: { forwardedPrefix: '/hubspot/' },
      },
      'https://app.example.com/hubspot',
    ],
  ])('%s: names SERVER_URL and the value to set', (_what, given, base) => {
    const signed = { url: `${SERVER_URL}/webhook`, ...given.signed };
    for (const versions of [['v3'], ['v2'], ['v1', 'v3']] as const) {
      const { setting, finding } = diagnosed({ ...given, signed: { ...signed, versions } });
      expect(setting).toBe('SERVER_URL');
      expect(finding).toBe(
        `HubSpot signs ${base}/webhook; SERVER_URL is ${given.serverUrl ?? SERVER_URL}. Set it to ${base}. ` +
          'If only webhooks come there, set WEBHOOK_URL instead.',
      );
    }
  });

  it('that cannot be guessed is inferred from a valid v1 signature', () => {
    const { setting, finding } = diagnosed({
      signed: { url: 'https://other.example/somewhere', versions: ['v1', 'v3'] },
    });
    expect(setting).toBe('SERVER_URL');
    expect(finding).toContain('HubSpot calls a different one than https://app.example.com/webhook');
  });

  it('is not taken from an invalid Host header', () => {
    const { setting } = diagnosed({
      signed: { url: 'https://evil/?x=/webhook' },
      address: { host: 'evil/?x=' },
    });
    expect(setting).toBeUndefined();
  });
});

describe('the proxy', () => {
  const query = (order: string) => `${SERVER_URL}/crm-extension?${order}`;

  it.each<[string, Case]>([
    ['drops the last slash', { signed: { url: `${SERVER_URL}/webhook/` } }],
    ['adds a last slash', { signed: { url: `${SERVER_URL}/webhook` }, target: '/webhook/' }],
    ['merges slashes', { signed: { url: `${SERVER_URL}/webhook` }, target: '//webhook' }],
    [
      'rewrites the path',
      { signed: { url: `${SERVER_URL}/hooks/hubspot` }, address: { originalTarget: '/hooks/hubspot' } },
    ],
    [
      'sorts the query',
      {
        signed: { url: query('z=1&y=2&x=3&b=4&a=5') },
        target: '/crm-extension?a=5&b=4&x=3&y=2&z=1',
      },
    ],
    ['reorders the query', { signed: { url: query('b=1&a=2&c=3') }, target: '/crm-extension?a=2&b=1&c=3' }],
    [
      'rotates the query',
      { signed: { url: query('e=1&a=2&b=3&c=4&d=5') }, target: '/crm-extension?a=2&b=3&c=4&d=5&e=1' },
    ],
    ['adds a parameter', { signed: { url: query('a=1&b=2') }, target: '/crm-extension?a=1&via=cdn&b=2' }],
    ['decodes the query', { signed: { url: SERVER_URL + CARD }, target: decodeURIComponent(CARD) }],
    ['writes + for a space', { signed: { url: SERVER_URL + CARD }, target: CARD.replace('%20', '+') }],
    [
      'writes escapes in small letters',
      { signed: { url: `${SERVER_URL}/c?a=%C3%A9` }, target: '/c?a=%c3%a9' },
    ],
    [
      'drops the version header',
      { signed: { versions: ['v1'] }, headers: { 'X-HubSpot-Signature-Version': undefined } },
    ],
    [
      'drops the timestamp',
      { signed: { versions: ['v2', 'v3'] }, headers: { 'X-HubSpot-Request-Timestamp': undefined } },
    ],
    [
      'alters the v3 signature',
      { signed: { versions: ['v2', 'v3'] }, headers: { 'X-HubSpot-Signature-v3': 'AAAA' } },
    ],
  ])('%s', (_what, given) => {
    const { setting, finding } = diagnosed({ ...given, route: 'card' });
    expect([finding, setting]).toEqual([expect.any(String), PROXY]);
    expect(finding).not.toContain('?');
  });
});

describe('the versions', () => {
  it.each<[SignatureVersion, SignedRoute, readonly SignatureVersion[], string | undefined]>([
    ['v1', 'card', ['v3', 'v2'], 'CARD_SIGNATURE_VERSIONS'],
    ['v2', 'webhook', ['v3', 'v1'], 'WEBHOOK_SIGNATURE_VERSIONS'],
    ['v3', 'webhook', ['v1'], 'WEBHOOK_SIGNATURE_VERSIONS'],
    ['v2', 'eventDetails', ['v3'], 'EVENT_DETAILS_SIGNATURE_VERSIONS'],
  ])('explains a valid %s signature at a %s route that accepts %p', (version, route, accepted, setting) => {
    const found = diagnosed({ signed: { versions: [version] }, route, accepted });
    expect(found.setting).toBe(setting);
    expect(found.finding).toContain(
      `Its ${version} signature is valid, but this route accepts ${accepted.join(', ')}.`,
    );
  });
});

describe('the clock', () => {
  it.each([
    [NOW - 12 * MINUTE - 30_000, '12 min 30 s old', 'is ahead'],
    [NOW + 7 * MINUTE, '7 min 0 s ahead', 'is slow'],
    [NOW - 3 * 3600_000, '3 hours old', 'replayed'],
  ])('explains a valid signature made at %i: %s', (timestamp, by, why) => {
    const { finding, setting } = diagnosed({ signed: { timestamp } });
    expect(setting).toBe('clock of this server');
    expect(finding).toContain(by);
    expect(finding).toContain(why);
  });

  it('in seconds is distinguished from a wrong clock', () => {
    const { finding, setting } = diagnosed({ signed: { timestamp: NOW / 1000 } });
    expect([setting, finding]).toEqual([undefined, expect.stringContaining('not in milliseconds')]);
  });

  it('is not mentioned when another setting explains the problem', () => {
    const signed = { timestamp: NOW - 20 * MINUTE, url: 'https://public.example/webhook' };
    expect(diagnosed({ signed, address: { host: 'public.example' } }).setting).toBe('SERVER_URL');
  });
});

describe('the client secret', () => {
  it.each<[readonly SignatureVersion[]]>([[['v1']], [['v2']], [['v3']], [['v1', 'v3']]])(
    'that is no longer configured is named, in %p',
    (versions) => {
      const { finding, setting } = diagnosed({ signed: { secret: FORMER, versions } });
      expect(setting).toBe('HUBSPOT_CLIENT_SECRET');
      expect(finding).not.toContain(FORMER);
    },
  );

  it('is named first, with the URL, when both are wrong', () => {
    const signed = { secret: FORMER, url: 'https://public.example/webhook' };
    const { finding, setting } = diagnosed({ signed, address: { host: 'public.example' } });
    expect(setting).toBe('HUBSPOT_CLIENT_SECRET');
    expect(finding).toContain('https://public.example/webhook');
  });
});

describe('a request without an explanation', () => {
  it('is reported as such: no signature', () => {
    const headers = { 'X-HubSpot-Signature-v3': undefined };
    expect(diagnosed({ headers })).toEqual({ finding: expect.stringContaining('No signature') });
  });

  it('is reported as such: another body', () => {
    expect(diagnosed({ signed: { body: '[]', versions: ['v1', 'v3'] } })).toEqual({
      finding: expect.stringContaining('the body was changed on the way'),
      setting: undefined,
    });
  });

  it('takes little time, even with the largest body and the longest URL', () => {
    const target = `/webhook?${Array.from({ length: 30 }, (_, at) => `${at}=${'%41'.repeat(80)}`).join('&')}`;
    const address = {
      host: 'a.example',
      forwardedHost: 'b.example,c.example,d.example',
      forwardedPort: '81',
    };
    const given = { target, address, signed: { body: 'other', versions: ['v1', 'v3'] as const } };
    const large = refusalOf({ ...given, body: 'x'.repeat(1024 * 1024) });
    // Not the time: other processes of the machine count in it.
    const began = process.cpuUsage();
    expect(diagnose(large, { configured: [SECRET], former: [FORMER] }).finding).toContain('Not every form');
    diagnose(refusalOf(given), { configured: [SECRET], former: Array(10).fill(FORMER) });
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1_000).toBeLessThan(1_000);
  });

  it('matches nothing when the sender has no secret', () => {
    const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });
    const header = fc.option(fc.oneof(fc.base64String(), hex), {
      nil: undefined,
    });
    const anyRequest = fc.record({
      body: fc.string(),
      target: fc.webPath().map((path) => `/webhook${path}`),
      signed: fc.record({
        secret: fc.string({ minLength: 1 }).filter((secret) => secret !== SECRET && secret !== FORMER),
        body: fc.string(),
        versions: fc.constantFrom(['v1'], ['v2'], ['v3'], ['v1', 'v3'], ['v2', 'v3']) as fc.Arbitrary<
          SignatureVersion[]
        >,
      }),
      address: fc.record({ host: fc.domain(), forwardedHost: fc.domain(), forwardedPrefix: fc.webPath() }),
      headers: fc.record(
        { 'X-HubSpot-Signature': header, 'X-HubSpot-Signature-v3': header },
        { requiredKeys: [] },
      ),
    });
    fc.assert(
      fc.property(anyRequest, (given) => {
        expect(diagnosed(given).setting).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  it('matches nothing when HubSpot signed another body', () => {
    // HubSpot signs address and body without anything between them: "/webhook" with the body "/" is signed as
    // "/webhook/" with none. Bodies of HubSpot's are arrays, and no address goes on with a bracket.
    const jsonArrayLike = fc.string().map((text) => `[${text}`);
    const versions = fc.constantFrom(['v1'], ['v2'], ['v3'], ['v1', 'v3'], ['v2', 'v3']) as fc.Arbitrary<
      SignatureVersion[]
    >;
    fc.assert(
      fc.property(
        versions,
        fc.constantFrom(SECRET, FORMER),
        jsonArrayLike,
        jsonArrayLike,
        (made, secret, signed, body) => {
          fc.pre(signed !== body);
          expect(
            diagnosed({ body, signed: { body: signed, secret, versions: made } }).setting,
          ).toBeUndefined();
        },
      ),
      { numRuns: 200 },
    );
  });

  it('contains no query, body or e-mail address', () => {
    const target = '/webhook/jane@example.com/x%40example.com?email=jane%40example.com';
    const { finding } = diagnosed({
      target,
      body: 'a secret body',
      signed: { url: `http://app.example.com${target}` },
    });
    expect(finding).toContain('HubSpot signs http://app.example.com/webhook/:email/:email;');
    expect(finding).not.toMatch(/jane|secret body|email=/);
  });
});
