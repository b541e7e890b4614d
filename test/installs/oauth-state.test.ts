import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openState, sealState } from '../../app/installs/oauth-state.ts';

const SECRET = 'test-session-secret-test-session-secret';

describe('a sealed state', () => {
  it('opens with its secret only, and in no other form', () => {
    const seconds = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(seconds, fc.nat(), fc.string(), (second, which, other) => {
        const state = sealState(SECRET, second * 1000);
        expect(state).toMatch(/^[\w-]{43}$/);
        expect(openState(state, SECRET)).toBe(second * 1000);
        expect(openState(state, `${SECRET}x`)).toBeUndefined();
        const bytes = Buffer.from(state, 'base64url');
        const at = which % 256;
        bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7));
        expect(openState(bytes.toString('base64url'), SECRET)).toBeUndefined();
        expect(openState(other, SECRET)).toBeUndefined();
      }),
    );
  });
});
