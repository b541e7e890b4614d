import { describe, expect, it } from '@jest/globals';
import { diagnose, type RejectedRequest } from '../../../../app/http/signature/explain/diagnose.ts';
import { MAX_CLOCK_SKEW_MS, type SignatureVersion } from '../../../../app/http/signature/signature.ts';
import { signatureHeaders } from '../../../../sandbox/webhooks/sign.ts';

const SERVER_URL = 'https://app.example.com';
const SECRET = 'present-client-secret';
const FORMER = 'former-client-secret';
const NOW = 1_795_219_200_000;
const MINUTE = 60_000;
const MEGABYTE = 1024 * 1024;
const CUT = 'Not every form was tried';

interface Made {
  readonly secret?: string;
  readonly timestamp?: number;
  readonly versions?: readonly SignatureVersion[];
  readonly url?: string;
  readonly body?: string;
}

/** A request signed like this, refused for a reason of the test's choice. */
function refusalOf(made: Made = {}, refusal: Partial<RejectedRequest> = {}): RejectedRequest {
  const { secret = SECRET, timestamp = NOW, versions = ['v3'], body = '[]' } = made;
  const url = `${SERVER_URL}/webhook`;
  const headers: Record<string, string> = signatureHeaders(versions, {
    clientSecret: secret,
    method: 'POST',
    url: made.url ?? url,
    body,
    timestamp,
  });
  return {
    reason: 'mismatch',
    route: 'webhook',
    accepted: ['v3', 'v2', 'v1'],
    at: NOW,
    address: { serverUrl: SERVER_URL, target: '/webhook' },
    parts: {
      method: 'POST',
      url,
      rawBody: Buffer.from(body),
      headers: {
        signature: headers['X-HubSpot-Signature'],
        signatureVersion: headers['X-HubSpot-Signature-Version'],
        signatureV3: headers['X-HubSpot-Signature-v3'],
        timestamp: headers['X-HubSpot-Request-Timestamp'],
      },
    },
    ...refusal,
  };
}

const diagnosed = (made?: Made, refusal?: Partial<RejectedRequest>, former: readonly string[] = [FORMER]) =>
  diagnose(refusalOf(made, refusal), { configured: [SECRET], former });

describe('the work of a diagnosis', () => {
  /** The secret that fits is tried last, after so many others. */
  const withWrongSecrets = (count: number, body = '[]') =>
    diagnosed({ secret: FORMER, body }, {}, [...Array(count - 1).fill('wrong'), FORMER]);

  it('stops after 2,000 signatures and reports that', () => {
    expect(withWrongSecrets(1_999).setting).toBe('HUBSPOT_CLIENT_SECRET');
    const cut = withWrongSecrets(2_000);
    expect(cut).toEqual({ finding: expect.stringContaining(CUT) });
  });

  it('stops after 16 MB and reports that', () => {
    const url = `${SERVER_URL}/webhook`;
    // Eight signatures of this size are exactly as much.
    const body = 'x'.repeat(2 * MEGABYTE - url.length);
    expect(withWrongSecrets(7, body).setting).toBe('HUBSPOT_CLIENT_SECRET');
    expect(withWrongSecrets(8, body)).toEqual({ finding: expect.stringContaining(CUT) });
  });

  it('is not reported as incomplete when everything was tried', () => {
    const { finding } = diagnosed({ secret: 'unknown' });
    expect(finding).toContain('Nothing that this server knows');
    expect(finding).not.toContain(CUT);
  });
});

describe('a request with a valid signature that is rejected for another reason', () => {
  it.each([
    ['body_too_large', 'larger than this route takes'],
    ['unsupported_encoding', 'came compressed'],
    ['not_as_hubspot_sends', 'the request is not a delivery'],
  ] as const)('%s is explained by that reason', (reason, words) => {
    const { finding, setting } = diagnosed({ secret: FORMER }, { reason });
    expect([finding, setting]).toEqual([expect.stringContaining(words), undefined]);
  });

  it.each([
    ['card', 'cards and actions differently'],
    ['eventDetails', 'event details differently'],
  ] as const)('in a form that HubSpot does not send is explained for the route: %s', (route, words) => {
    expect(diagnosed({}, { reason: 'not_as_hubspot_sends', route }).finding).toContain(words);
  });

  it('in v3 where v3 is not accepted names the setting and mentions no proxy', () => {
    const { finding } = diagnosed({}, { accepted: ['v2'] });
    expect(finding).toContain('accepts v2. Add v3 to WEBHOOK_SIGNATURE_VERSIONS.');
  });

  it('only in an older version states that HubSpot also sends v3', () => {
    const { finding } = diagnosed({ versions: ['v2'] }, { accepted: ['v3'] });
    expect(finding).toContain('accepts v3. HubSpot also signs every request with v3');
    expect(finding).toContain('Add v2 to WEBHOOK_SIGNATURE_VERSIONS.');
  });

  it('mentions no clock up to five minutes', () => {
    for (const timestamp of [NOW - MAX_CLOCK_SKEW_MS, NOW, NOW + MAX_CLOCK_SKEW_MS])
      expect(diagnosed({ timestamp })).toEqual({ finding: 'Its signature is valid.' });
  });

  it.each([
    [-(MAX_CLOCK_SKEW_MS + 1), '5 min 0 s old: the clock of this server is ahead'],
    [-(119 * MINUTE + 59_999), '119 min 59 s old'],
    [-(120 * MINUTE), '2 hours old'],
    [7 * MINUTE + 1_000, 'from 7 min 1 s ahead of the clock of this server: the clock is slow'],
  ])('made %i ms from now shows by how much the clock is wrong', (by, words) => {
    expect(diagnosed({ timestamp: NOW + by }).finding).toContain(words);
  });
});

describe('a client secret that is no longer configured', () => {
  it('is named without a URL when the URL is correct', () => {
    expect(diagnosed({ secret: FORMER }).finding).not.toContain('another address');
  });
});

describe('a valid v1 or v2 signature with an invalid v3 signature', () => {
  const altered = (made: Made, reason: RejectedRequest['reason'] = 'mismatch') => {
    const { parts, ...refusal } = refusalOf(made, { reason });
    return diagnose(
      { ...refusal, parts: { ...parts, headers: { ...parts.headers, signatureV3: 'altered' } } },
      { configured: [SECRET], former: [FORMER] },
    );
  };

  it.each<[readonly SignatureVersion[], RejectedRequest['reason'], string]>([
    [['v2', 'v3'], 'mismatch', 'The v2 signature beside it is valid: a proxy alters'],
    [['v1', 'v3'], 'timestamp_malformed', 'The v1 signature beside it is valid: a proxy alters'],
    [['v1', 'v3'], 'mismatch', 'The v1 signature beside it is valid, so client secret and body are'],
  ])('%p with the reason %s is explained', (versions, reason, words) => {
    expect(altered({ versions }, reason).finding).toContain(words);
  });

  it('names the client secret when it is no longer configured', () => {
    expect(altered({ versions: ['v2', 'v3'], secret: FORMER }).setting).toBe('HUBSPOT_CLIENT_SECRET');
  });

  it('names the URL when it differs', () => {
    const { setting, finding } = altered({ versions: ['v2', 'v3'], url: 'http://app.example.com/webhook' });
    expect([setting, finding]).toEqual(['SERVER_URL', expect.stringContaining('Set it to http://app')]);
  });
});

describe('a proxy', () => {
  const arrivedAs = (target: string, url: string) => {
    const address = { serverUrl: SERVER_URL, target };
    return diagnosed({ url }, { address }).finding;
  };

  it('that changes the path is distinguished from one that changes the query', () => {
    expect(arrivedAs('/webhook/', `${SERVER_URL}/webhook`)).toContain('a proxy rewrites the path');
    expect(arrivedAs('/webhook?a=1&b=2', `${SERVER_URL}/webhook?b=2&a=1`)).toContain(
      'with a different query',
    );
  });
});
