import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jobKeyOf } from '../../app/timeline/jobs.ts';

it('gives two app events one job key when portal, event type and id are the same, and only then', () => {
  const separators = fc.string({ unit: fc.constantFrom('"', ',', ':', '\\', 'a'), maxLength: 4 });
  const name = fc.oneof(fc.string({ unit: 'binary' }), separators);
  const key = fc.record({ portalId: fc.integer({ min: 1, max: 3 }), eventType: name, id: name });
  fc.assert(
    fc.property(key, key, (one, other) => {
      const isSame = JSON.stringify(one) === JSON.stringify(other);
      expect(jobKeyOf(one) === jobKeyOf(other)).toBe(isSame);
      expect(jobKeyOf({ ...other, ...one })).toBe(jobKeyOf(one));
      // The queue takes 512 characters.
      expect(jobKeyOf(one).length).toBeLessThan(100);
    }),
  );
});
