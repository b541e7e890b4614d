import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openTicket, type PageTicket, sealTicket } from '../../app/cards/page-ticket.ts';

const NOW = 1_795_219_200_000;

const ticket: fc.Arbitrary<PageTicket> = fc.record({
  card: fc.string({ unit: 'binary' }),
  portalId: fc.integer({ min: 1, max: 999_999_999_999_999 }),
  objectType: fc.string({ unit: 'binary' }),
  objectId: fc.string({ unit: 'binary' }),
  expiresAt: fc.integer({ min: NOW + 1, max: NOW * 2 }),
});
const secret = fc.string({ minLength: 32, maxLength: 60 });

describe('a page ticket', () => {
  it('returns the sealed data', () => {
    fc.assert(
      fc.property(ticket, secret, (sealed, key) => {
        expect(openTicket(sealTicket(sealed, key), key, NOW)).toEqual(sealed);
      }),
    );
  });

  it('needs no encoding in a query', () => {
    fc.assert(
      fc.property(ticket, secret, (sealed, key) => {
        const text = sealTicket(sealed, key);
        expect(new URL(`http://localhost/page?ticket=${text}`).searchParams.get('ticket')).toBe(text);
      }),
    );
  });

  it('is rejected as forged when any character is altered', () => {
    fc.assert(
      fc.property(ticket, secret, fc.nat(), fc.string({ maxLength: 1 }), (sealed, key, at, character) => {
        const text = sealTicket(sealed, key);
        const index = at % text.length;
        const altered = text.slice(0, index) + character + text.slice(index + 1);
        fc.pre(altered !== text);
        expect(openTicket(altered, key, NOW)).toBe('forged');
      }),
      { numRuns: 500 },
    );
  });

  it('is rejected as forged with any other spelling of its last character', () => {
    const key = 'a-session-secret-a-session-secret';
    const text = sealTicket(sample, key);
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ ') {
      const altered = text.slice(0, -1) + last;
      expect(openTicket(altered, key, NOW)).toEqual(altered === text ? sample : 'forged');
    }
    expect(openTicket(`${text}=`, key, NOW)).toBe('forged');
  });

  it('is rejected as forged when it was made with another secret', () => {
    fc.assert(
      fc.property(ticket, secret, secret, (sealed, key, other) => {
        fc.pre(key !== other);
        expect(openTicket(sealTicket(sealed, other), key, NOW)).toBe('forged');
      }),
    );
  });

  it('is rejected as forged when it consists of parts of two tickets', () => {
    fc.assert(
      fc.property(ticket, ticket, secret, (one, two, key) => {
        const [payload] = sealTicket(one, key).split('.');
        const [otherPayload, signature] = sealTicket(two, key).split('.');
        fc.pre(payload !== otherPayload);
        expect(openTicket(`${payload}.${signature}`, key, NOW)).toBe('forged');
      }),
    );
  });

  it('expires at its exact millisecond', () => {
    const key = 'a-session-secret-a-session-secret';
    const text = sealTicket({ ...sample, expiresAt: NOW }, key);
    expect(openTicket(text, key, NOW - 1)).toEqual({ ...sample, expiresAt: NOW });
    expect(openTicket(text, key, NOW)).toBe('expired');
    expect(openTicket(text, key, NOW + 1)).toBe('expired');
  });

  it('is rejected as forged with anything after its signature', () => {
    const key = 'a-session-secret-a-session-secret';
    for (const end of ['.', '.x', '..'])
      expect(openTicket(sealTicket(sample, key) + end, key, NOW)).toBe('forged');
  });

  it('cannot be forged as random text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.webUrl()), secret, (text, key) => {
        expect(openTicket(text, key, NOW)).toBe('forged');
      }),
    );
    for (const text of ['', '.', '..', 'e30.', '.e30', 'null', '__proto__']) {
      expect(openTicket(text, 'a-session-secret-a-session-secret', NOW)).toBe('forged');
    }
  });
});

const sample: PageTicket = {
  card: 'orders',
  portalId: 62515,
  objectType: 'CONTACT',
  objectId: '101',
  expiresAt: NOW + 1000,
};
