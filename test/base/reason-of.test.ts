import { expect, it } from '@jest/globals';
import { reasonOf } from '../../app/base/reason-of.ts';

it('reasonOf returns the message of an error, or those of an AggregateError', () => {
  expect(reasonOf(new Error('plain'))).toBe('plain');
  expect(reasonOf('no error at all')).toBe('no error at all');
  const inside = [
    new Error('connect ECONNREFUSED ::1:5432'),
    new Error('connect ECONNREFUSED 127.0.0.1:5432'),
  ];
  expect(reasonOf(new AggregateError(inside))).toBe(
    'connect ECONNREFUSED ::1:5432; connect ECONNREFUSED 127.0.0.1:5432',
  );
  expect(reasonOf(new AggregateError(inside, 'words of its own'))).toBe('words of its own');
});
