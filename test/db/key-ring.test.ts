import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DecryptionError, decrypt, encrypt, type KeyRing, parseKeyRing } from '../../app/db/key-ring.ts';

const BOUND = 'installs/62515/access_token';

const text = fc.string({ unit: 'binary', maxLength: 600 });
// A text that no stack or message holds by chance, as they hold "proper".
const recognisable = text.map((random) => `na1-${random}`);
const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
const id = fc.string({ unit: fc.constantFrom(...'abcXYZ019_-'), minLength: 1, maxLength: 32 });
const ring: fc.Arbitrary<KeyRing> = fc.uniqueArray(fc.record({ id, key }), {
  selector: (entry) => entry.id,
  minLength: 1,
  maxLength: 4,
});

describe('an encrypted value', () => {
  it('decrypts to any string of any length', () => {
    fc.assert(
      fc.property(ring, text, fc.string(), (keys, plaintext, boundTo) => {
        expect(decrypt(keys, encrypt(keys, plaintext, boundTo), boundTo)).toBe(plaintext);
      }),
    );
    const long = '☕'.repeat(100_000);
    expect(decrypt(sampleRing, encrypt(sampleRing, long, BOUND), BOUND)).toBe(long);
  });

  it('differs each time and does not contain the plaintext', () => {
    fc.assert(
      fc.property(ring, fc.base64String({ minLength: 12 }), (keys, plaintext) => {
        const [one, two] = [encrypt(keys, plaintext, BOUND), encrypt(keys, plaintext, BOUND)];
        expect(one).not.toBe(two);
        const [, , sealed = ''] = one.split('.');
        expect(Buffer.from(sealed, 'base64url').includes(plaintext)).toBe(false);
        expect(one).not.toContain(plaintext);
      }),
    );
  });

  it('is encrypted with the newest key and decrypted with the key that encrypted it', () => {
    fc.assert(
      fc.property(ring, text, (keys, plaintext) => {
        expect(encrypt(keys, plaintext, BOUND).split('.')[1]).toBe(keys[0]?.id);
        for (const older of keys) {
          expect(decrypt(keys, encrypt([older], plaintext, BOUND), BOUND)).toBe(plaintext);
        }
      }),
    );
  });

  it('does not decrypt when any byte is altered', () => {
    fc.assert(
      fc.property(recognisable, fc.nat(), fc.integer({ min: 1, max: 255 }), (plaintext, at, difference) => {
        const [format, keyId, sealed = ''] = encrypt(sampleRing, plaintext, BOUND).split('.');
        const bytes = Buffer.from(sealed, 'base64url');
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ difference;
        expectRefusal(`${format}.${keyId}.${bytes.toString('base64url')}`, BOUND, plaintext);
      }),
    );
  });

  it('does not decrypt when truncated', () => {
    const value = encrypt(sampleRing, 'a token that is secret', BOUND);
    // The last character may hold only padding bits; from the one before it on, something is missing.
    for (let length = 0; length < value.length - 1; length += 1) {
      expectRefusal(value.slice(0, length), BOUND, 'a token that is secret');
    }
  });

  it('does not decrypt for another portal or another column', () => {
    fc.assert(
      fc.property(recognisable, fc.nat(), fc.nat(), (plaintext, portalId, other) => {
        fc.pre(portalId !== other);
        const value = encrypt(sampleRing, plaintext, `installs/${portalId}/access_token`);
        expectRefusal(value, `installs/${other}/access_token`, plaintext);
        expectRefusal(value, `installs/${portalId}/refresh_token`, plaintext);
      }),
    );
  });

  it('does not decrypt with another key of the same id', () => {
    fc.assert(
      fc.property(key, key, text, (mine, other, plaintext) => {
        fc.pre(!mine.equals(other));
        const value = encrypt([{ id: 'k', key: other }], plaintext, BOUND);
        const error = failure(() => decrypt([{ id: 'k', key: mine }], value, BOUND));
        expect(error).toBeInstanceOf(DecryptionError);
        expect(error.message).toBe(`${BOUND} does not open with key "k": altered, moved, or another key.`);
      }),
    );
  });

  it('names the missing key when the ring lacks it', () => {
    const value = encrypt([{ id: 'retired', key: Buffer.alloc(32, 1) }], 'a token', BOUND);
    const error = failure(() => decrypt(sampleRing, value, BOUND));
    expect(error).toBeInstanceOf(DecryptionError);
    expect(error.message).toBe(`TOKEN_KEYS has no key "retired", which ${BOUND} needs.`);
  });

  it.each(['', 'v1', 'v1.new', 'v1..abc', 'v2.new.abc', 'v1.new.abc.def', 'a token in clear', '.'.repeat(9)])(
    'is rejected in an unknown format: %p',
    (value) => {
      expect(failure(() => decrypt(sampleRing, value, BOUND)).message).toContain(BOUND);
    },
  );
});

describe('TOKEN_KEYS', () => {
  it('is parsed newest first and may contain spaces', () => {
    fc.assert(
      fc.property(ring, fc.constantFrom(',', ', ', ' ,\n'), (keys, separator) => {
        const entries = keys.map((entry) => `${entry.id}:${entry.key.toString('base64url')}`);
        expect(parseKeyRing(` ${entries.join(separator)} `)).toEqual(keys);
      }),
    );
  });

  const encoded = Buffer.alloc(32, 7).toString('base64url');

  it.each([
    ['nothing', '', 'must hold at least one key'],
    ['only commas', ' , ,', 'must hold at least one key'],
    ['a key without an id', encoded, 'entry 1 must look like id:base64url'],
    ['an empty id', `:${encoded}`, 'entry 1 must look like id:base64url'],
    ['an id with a dot', `a.b:${encoded}`, 'entry 1 must look like id:base64url'],
    ['an id that is too long', `${'a'.repeat(33)}:${encoded}`, 'entry 1 must look like id:base64url'],
    ['standard base64', `new:${encoded},old:+/+/${encoded}`, 'entry 2 must look like id:base64url'],
    [
      'a key of 31 bytes',
      `k:${Buffer.alloc(31).toString('base64url')}`,
      'must be 32 bytes in base64url, not 31',
    ],
    [
      'a key of 33 bytes',
      `k:${Buffer.alloc(33).toString('base64url')}`,
      'must be 32 bytes in base64url, not 33',
    ],
    ['hexadecimal', `k:${Buffer.alloc(32, 7).toString('hex')}`, 'must be 32 bytes in base64url, not 48'],
    ['one id twice', `k:${encoded},k:${encoded}`, 'must not use a key id twice'],
  ])('with %s is rejected with the reason', (_what, setting, reason) => {
    expect(failure(() => parseKeyRing(setting)).message).toContain(reason);
  });

  it('is rejected without printing any of its keys', () => {
    const wrong = fc.uint8Array({ minLength: 20, maxLength: 40 }).filter((bytes) => bytes.length !== 32);
    fc.assert(
      fc.property(ring, wrong, fc.constantFrom(':', '', '::', '='), (keys, bytes, separator) => {
        const bad = Buffer.from(bytes).toString('base64url');
        const entries = keys.map((entry) => `${entry.id}:${entry.key.toString('base64url')}`);
        const { message } = failure(() => parseKeyRing([...entries, `bad${separator}${bad}`].join(',')));
        expect(message).not.toContain(bad);
        for (const entry of keys) expect(message).not.toContain(entry.key.toString('base64url'));
      }),
    );
  });
});

const sampleRing: KeyRing = [
  { id: 'new', key: Buffer.alloc(32, 7) },
  { id: 'old', key: Buffer.alloc(32, 8) },
];

function expectRefusal(value: string, boundTo: string, plaintext: string) {
  const error = failure(() => decrypt(sampleRing, value, boundTo));
  expect(error).toBeInstanceOf(DecryptionError);
  const told = `${error.message}${error.stack}${JSON.stringify(error)}`;
  expect(told).not.toContain(plaintext);
  for (const entry of sampleRing) expect(told).not.toContain(entry.key.toString('base64url'));
}

function failure(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('It did not fail.');
}
