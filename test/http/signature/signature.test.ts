import type { ISignatureOptions } from '@hubspot/api-client/lib/src/utils/ISignatureOptions.js';
import { Signature } from '@hubspot/api-client/lib/src/utils/signature.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeSignedUri,
  type SignatureVersion,
  type SignedParts,
  verifySignature,
} from '../../../app/http/signature/signature.ts';
import { signatureHeaders, signV3 } from '../../../sandbox/webhooks/sign.ts';
import vectors from '../../fixtures/signature-vectors.json' with { type: 'json' };

const ALL = ['v1', 'v2', 'v3'] as const;
const NOW = 1_795_219_200_000;
const FIVE_MINUTES = 5 * 60 * 1000;

describe('published and recorded signatures', () => {
  const full = vectors.map((vector) => ({ ...vector, version: vector.v as SignatureVersion }));

  it.each(full.filter(({ ts = NOW }) => ts > 1e12))('$n is accepted', (vector) => {
    expect(Buffer.byteLength(vector.body)).toBe(vector.bytes);
    expect(verifySignature(partsOf(vector), [vector.secret], ALL, vector.ts ?? NOW)).toEqual({
      ok: true,
      version: vector.version,
    });
    expect(sdkSignature(vector)).toBe(vector.sig);
  });

  it.each(full.filter(({ ts = NOW }) => ts < 1e12))(
    '$n has a valid MAC but is rejected for its 10-digit timestamp',
    (vector) => {
      expect(sdkSignature(vector)).toBe(vector.sig);
      for (const now of [vector.ts ?? 0, (vector.ts ?? 0) * 1000]) {
        expect(verifySignature(partsOf(vector), [vector.secret], ALL, now)).toEqual({
          ok: false,
          reason: 'timestamp_malformed',
        });
      }
    },
  );

  it('a signature over the decoded URI is accepted for the raw URL', () => {
    const raw = full.find(({ n }) => n === 'V3-LOCAL-CARD(raw)');
    const decoded = full.find(({ n }) => n === 'V3-LOCAL-CARD(decoded)');
    if (!raw || !decoded) throw new Error('the fixtures lack the card vectors');
    expect(decodeSignedUri(raw.uri)).toBe(decoded.uri);
    for (const { sig } of [raw, decoded]) {
      const parts = partsOf({ ...raw, sig });
      expect(verifySignature(parts, [raw.secret], ALL, NOW)).toEqual({ ok: true, version: 'v3' });
    }
  });

  function partsOf({ version, method, uri, body, sig, ts }: (typeof full)[number]): SignedParts {
    const headers =
      version === 'v3'
        ? { signatureV3: sig, timestamp: String(ts) }
        : { signature: sig, signatureVersion: version };
    return { method, url: uri, rawBody: Buffer.from(body), headers };
  }

  /** The same signature made by HubSpot's own SDK. */
  function sdkSignature({ version, secret, method, uri, body, ts }: (typeof full)[number]): string {
    const options = { signature: '', clientSecret: secret, requestBody: body, url: uri, timestamp: ts };
    return Signature.getSignature(method, version, options as ISignatureOptions);
  }
});

const visible = fc.string({
  unit: fc.constantFrom(...'abcXYZ019-._~:/?#[]@!$&\'()*+,;=%"<> é日'),
  minLength: 1,
  maxLength: 40,
});
const url = visible.map((tail) => new URL(`https://app.example.com/a/${tail}`).href);
const request = fc.record({
  clientSecret: fc.string({ minLength: 8, maxLength: 40 }),
  method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE'),
  url,
  body: fc.string({ unit: 'binary', maxLength: 60 }),
  timestamp: fc.integer({ min: NOW - FIVE_MINUTES, max: NOW + FIVE_MINUTES }),
});
type Signed = typeof request extends fc.Arbitrary<infer T> ? T : never;

describe('any request', () => {
  it('is accepted as HubSpot signs it, in each version', () => {
    fc.assert(
      fc.property(request, fc.constantFrom(...ALL), (signed, version) => {
        expect(verify(signedParts(signed, version), signed.clientSecret)).toEqual({ ok: true, version });
      }),
    );
  });

  it('is accepted as HubSpot’s own SDK signs it, which decodes nothing', () => {
    fc.assert(
      fc.property(request, fc.constantFrom(...ALL), (signed, version) => {
        const { clientSecret, method, body, timestamp } = signed;
        const options = { signature: '', clientSecret, requestBody: body, url: signed.url, timestamp };
        const signature = Signature.getSignature(method, version, options);
        const name = version === 'v3' ? 'signatureV3' : 'signature';
        const parts = signedParts(signed, version);
        const headers = { ...parts.headers, [name]: signature };
        expect(verify({ ...parts, headers }, clientSecret)).toEqual({ ok: true, version });
      }),
    );
  });

  it.each(ALL)('with one character of its %s signature altered is rejected', (version) => {
    fc.assert(
      fc.property(request, fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (signed, at, character) => {
        const parts = signedParts(signed, version);
        const name = version === 'v3' ? 'signatureV3' : 'signature';
        const signature = parts.headers[name] ?? '';
        const altered = replaceAt(signature, at, character);
        fc.pre(altered !== signature);
        const headers = { ...parts.headers, [name]: altered };
        expect(verify({ ...parts, headers }, signed.clientSecret)).toEqual(refused('mismatch'));
      }),
    );
  });

  it.each(ALL)('with a truncated or extended signature is rejected (%s)', (version) => {
    fc.assert(
      fc.property(request, fc.nat({ max: 70 }), fc.string({ minLength: 1 }), (signed, keep, more) => {
        const parts = signedParts(signed, version);
        const name = version === 'v3' ? 'signatureV3' : 'signature';
        const signature = parts.headers[name] ?? '';
        fc.pre(keep < signature.length);
        for (const altered of [signature.slice(0, keep), signature + more]) {
          const headers = { ...parts.headers, [name]: altered };
          expect(verify({ ...parts, headers }, signed.clientSecret)).toEqual(refused('mismatch'));
        }
      }),
    );
  });

  it.each(ALL)('with one byte of its body altered is rejected (%s)', (version) => {
    fc.assert(
      fc.property(request, fc.nat(), fc.nat({ max: 255 }), (signed, at, byte) => {
        const parts = signedParts(signed, version);
        fc.pre(parts.rawBody.length > 0);
        const rawBody = Buffer.from(parts.rawBody);
        rawBody[at % rawBody.length] = byte;
        fc.pre(!rawBody.equals(parts.rawBody));
        expect(verify({ ...parts, rawBody }, signed.clientSecret)).toEqual(refused('mismatch'));
      }),
    );
  });

  it.each(['v2', 'v3'] as const)('with one character of its URL altered is rejected (%s)', (version) => {
    fc.assert(
      fc.property(request, fc.nat(), visible, (signed, at, [character = 'x']) => {
        const parts = signedParts(signed, version);
        const altered = replaceAt(parts.url, at, character);
        // `%3A` and `%3a` name one character, and HubSpot signs that character.
        fc.pre(decodeSignedUri(altered) !== decodeSignedUri(parts.url));
        expect(verify({ ...parts, url: altered }, signed.clientSecret)).toEqual(refused('mismatch'));
      }),
    );
  });

  it.each(['v2', 'v3'] as const)('with another method is rejected (%s)', (version) => {
    fc.assert(
      fc.property(request, fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE'), (signed, method) => {
        fc.pre(method !== signed.method);
        const parts = { ...signedParts(signed, version), method };
        expect(verify(parts, signed.clientSecret)).toEqual(refused('mismatch'));
      }),
    );
  });

  it('with another timestamp is rejected, however close', () => {
    fc.assert(
      fc.property(request, request, (signed, { timestamp }) => {
        fc.pre(timestamp !== signed.timestamp);
        const parts = signedParts(signed, 'v3');
        const headers = { ...parts.headers, timestamp: String(timestamp) };
        expect(verify({ ...parts, headers }, signed.clientSecret)).toEqual(refused('mismatch'));
      }),
    );
  });

  it.each(ALL)('is rejected with every secret except the one that signed it (%s)', (version) => {
    fc.assert(
      fc.property(request, fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (signed, at, character) => {
        const other = replaceAt(signed.clientSecret, at, character);
        fc.pre(other !== signed.clientSecret);
        expect(verify(signedParts(signed, version), other)).toEqual(refused('mismatch'));
      }),
    );
  });

  it('is accepted with each of the configured secrets, in any position', () => {
    const secrets = fc.uniqueArray(fc.string({ minLength: 8 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(request, secrets, fc.nat(), fc.constantFrom(...ALL), (signed, configured, at, version) => {
        const clientSecret = configured[at % configured.length] ?? '';
        const parts = signedParts({ ...signed, clientSecret }, version);
        expect(verifySignature(parts, configured, ALL, NOW)).toEqual({ ok: true, version });
        const others = configured.filter((secret) => secret !== clientSecret);
        expect(verifySignature(parts, others, ALL, NOW)).toEqual(refused('mismatch'));
      }),
    );
  });

  it('with an invalid v3 is rejected despite a valid v1 or v2', () => {
    const wrong = fc.oneof(fc.constant(''), fc.base64String(), fc.string());
    fc.assert(
      fc.property(request, fc.constantFrom('v1', 'v2'), wrong, (signed, older, signatureV3) => {
        const parts = signedParts(signed, older);
        const timestamp = String(signed.timestamp);
        const headers = { ...parts.headers, signatureV3, timestamp };
        expect(verify({ ...parts, headers }, signed.clientSecret)).toEqual(refused('mismatch'));
      }),
    );
  });

  it('with a valid v3 but no timestamp is rejected despite a valid v1 or v2', () => {
    fc.assert(
      fc.property(request, fc.constantFrom('v1', 'v2'), (signed, older) => {
        const { signatureV3 } = signedParts(signed, 'v3').headers;
        const parts = signedParts(signed, older);
        const headers = { ...parts.headers, signatureV3 };
        expect(verify({ ...parts, headers }, signed.clientSecret)).toEqual(refused('timestamp_malformed'));
      }),
    );
  });

  it('with a valid signature of a version that the route does not accept is rejected', () => {
    fc.assert(
      fc.property(request, fc.subarray([...ALL]), fc.constantFrom(...ALL), (signed, accepted, version) => {
        fc.pre(!accepted.includes(version));
        const verdict = verifySignature(signedParts(signed, version), [signed.clientSecret], accepted, NOW);
        expect(verdict).toEqual(refused('version_not_accepted'));
      }),
    );
  });

  it.each([undefined, '', 'v0', 'v3', 'V1', 'v1, v2', 'constructor'])(
    'whose older signature has the version %p is rejected',
    (signatureVersion) => {
      const parts = signedParts(sample, 'v1');
      const headers = { ...parts.headers, signatureVersion };
      expect(verify({ ...parts, headers }, sample.clientSecret)).toEqual(refused('version_not_accepted'));
    },
  );

  it('without a signature is rejected', () => {
    expect(verify({ ...signedParts(sample, 'v3'), headers: {} }, sample.clientSecret)).toEqual(
      refused('no_signature'),
    );
  });
});

describe('the timestamp of v3', () => {
  it('is valid for exactly five minutes in both directions', () => {
    for (const distance of [-FIVE_MINUTES, -1, 0, 1, FIVE_MINUTES]) {
      expect(verdictAt(NOW + distance)).toEqual({ ok: true, version: 'v3' });
    }
    for (const distance of [-FIVE_MINUTES - 1, FIVE_MINUTES + 1]) {
      expect(verdictAt(NOW + distance)).toEqual(refused('timestamp_out_of_range'));
    }
  });

  it.each([
    ['12 digits', '179521920000'],
    ['14 digits', '17952192000000'],
    ['13 digits and a space', '1795219200000 '],
    ['13 digits and a line end', '1795219200000\n'],
    ['hexadecimal', '0x1a1fa0d8c00'],
    ['an exponent', '1.7952192e+12'],
    ['a sign', '+179521920000'],
    ['other digits', '１７９５２１９２００００'],
    ['two values', '1795219200000, 1795219200000'],
    ['words', 'now'],
    ['nothing', ''],
  ])('is rejected when it is %s, although signed', (_what, text) => {
    const parts = signedParts(sample, 'v3');
    const signatureV3 = signV3({ ...sample, timestamp: text as unknown as number });
    const headers = { signatureV3, timestamp: text };
    expect(verify({ ...parts, headers }, sample.clientSecret)).toEqual(refused('timestamp_malformed'));
  });

  function verdictAt(timestamp: number) {
    return verify(signedParts({ ...sample, timestamp }, 'v3'), sample.clientSecret);
  }
});

describe('the URI of a v3 signature', () => {
  const DECODED = {
    '%3A': ':',
    '%2F': '/',
    '%3F': '?',
    '%40': '@',
    '%21': '!',
    '%24': '$',
    '%27': "'",
    '%28': '(',
    '%29': ')',
    '%2A': '*',
    '%2C': ',',
    '%3B': ';',
  };
  const bytes = Array.from({ length: 256 }, (_, byte) => `%${byte.toString(16).padStart(2, '0')}`);

  it('has exactly twelve sequences decoded, in either case, and no other byte', () => {
    const expected = new Map(Object.entries(DECODED));
    for (const sequence of bytes) {
      const character = expected.get(sequence.toUpperCase()) ?? sequence;
      expect(decodeSignedUri(`a${sequence}b`)).toBe(`a${character}b`);
      const upper = sequence.toUpperCase();
      expect(decodeSignedUri(upper)).toBe(expected.get(upper) ?? upper);
    }
    expect(decodeSignedUri('%2f%2F%3a%3A')).toBe('//::');
  });

  it('is decoded only once', () => {
    expect(decodeSignedUri('%253A')).toBe('%253A');
    expect(decodeSignedUri('%25253a%2540')).toBe('%25253a%2540');
    expect(decodeSignedUri('%%33A')).toBe('%%33A');
    // The first three characters decode, what they leave behind does not start another round.
    expect(decodeSignedUri('%3A40%2')).toBe(':40%2');
  });

  it('is decoded like in the sandbox, whatever it contains', () => {
    const piece = fc.oneof(fc.constantFrom(...bytes, '%', '%2', '%25'), visible);
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const uri = pieces.join('');
        const signed = { ...sample, url: uri };
        const { signatureV3, timestamp } = signedParts(signed, 'v3').headers;
        const headers = { signatureV3, timestamp };
        const parts = { ...signedParts(signed, 'v3'), headers };
        expect(verify(parts, sample.clientSecret)).toEqual({ ok: true, version: 'v3' });
      }),
    );
  });
});

const sample: Signed = {
  clientSecret: 'sample-client-secret',
  method: 'POST',
  url: 'https://app.example.com/webhook?a=b%40c&d=%253A',
  body: '[{"eventId":1}]',
  timestamp: NOW,
};

/** The request with the headers that the sandbox gives it. */
function signedParts(signed: Signed, version: SignatureVersion): SignedParts {
  const given = signatureHeaders([version], signed);
  return {
    method: signed.method,
    url: signed.url,
    rawBody: Buffer.from(signed.body),
    headers: {
      signature: given['X-HubSpot-Signature'],
      signatureVersion: given['X-HubSpot-Signature-Version'],
      signatureV3: given['X-HubSpot-Signature-v3'],
      timestamp: given['X-HubSpot-Request-Timestamp'],
    },
  };
}

const verify = (parts: SignedParts, secret: string) => verifySignature(parts, [secret], ALL, NOW);

const refused = (reason: string) => ({ ok: false, reason });

function replaceAt(text: string, at: number, character: string): string {
  const index = at % text.length;
  return text.slice(0, index) + character + text.slice(index + 1);
}
