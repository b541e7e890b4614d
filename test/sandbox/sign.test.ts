import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeUrlForV3, signatureHeaders, signV1, signV2, signV3 } from '../../sandbox/webhooks/sign.ts';

interface Vector {
  n: string;
  v: 'v1' | 'v2' | 'v3';
  secret: string;
  method: string;
  uri: string;
  body: string;
  ts?: number;
  sig: string;
}

const vectors: Vector[] = JSON.parse(
  readFileSync(new URL('../fixtures/signature-vectors.json', import.meta.url), 'utf8'),
);
const decodedTwin = 'V3-LOCAL-CARD(decoded)';

describe('signatures', () => {
  // The "raw" vector shows what an SDK that decodes nothing computes; HubSpot signs the decoded form.
  it.each(vectors.filter(({ n }) => n !== 'V3-LOCAL-CARD(raw)').map((vector) => [vector.n, vector] as const))(
    'match the vector %s',
    (_name, { v, secret: clientSecret, method, uri: url, body, ts: timestamp = 0, sig }) => {
      const signed = {
        v1: () => signV1(clientSecret, body),
        v2: () => signV2({ clientSecret, method, url, body }),
        v3: () => signV3({ clientSecret, method, url, body, timestamp }),
      }[v]();
      expect(signed).toBe(sig);
    },
  );

  it('sign an encoded URL in its decoded form', () => {
    const raw = vectors.find(({ n }) => n === 'V3-LOCAL-CARD(raw)');
    const decoded = vectors.find(({ n }) => n === decodedTwin);
    if (!raw || !decoded) throw new Error('the vectors are missing');
    const { secret: clientSecret, method, uri: url, body, ts: timestamp = 0 } = raw;
    expect(signV3({ clientSecret, method, url, body, timestamp })).toBe(decoded.sig);
  });

  it('decode the listed sequences in one pass and nothing else', () => {
    expect(decodeUrlForV3('%3A%2f%3F%40%21%24%27%28%29%2A%2C%3B')).toBe(":/?@!$'()*,;");
    expect(decodeUrlForV3('%20%22%25%26%2B%3D%23%E6%97%A5')).toBe('%20%22%25%26%2B%3D%23%E6%97%A5');
    expect(decodeUrlForV3('%253A')).toBe('%253A');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const encoded = encodeURIComponent(text);
        expect(decodeURIComponent(decodeUrlForV3(encoded))).toBe(text);
      }),
    );
  });

  it('are in the headers that HubSpot uses', () => {
    const request = { clientSecret: 's', method: 'POST', url: 'http://a.example/', body: '[]', timestamp: 1 };
    expect(Object.keys(signatureHeaders(['v1', 'v3'], request))).toEqual([
      'X-HubSpot-Signature',
      'X-HubSpot-Signature-Version',
      'X-HubSpot-Signature-v3',
      'X-HubSpot-Request-Timestamp',
    ]);
    expect(signatureHeaders(['v2'], request)).toMatchObject({ 'X-HubSpot-Signature-Version': 'v2' });
  });
});
