import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { readAnswer } from '../../../app/hubspot/client/answer.ts';
import {
  describeDetail,
  furtherDetails,
  nameDetail,
  readErrorBody,
  standardErrors,
  withoutSecretErrors,
  withoutSecrets,
} from '../../../app/hubspot/client/error-body.ts';
import { HubSpotError, isIdempotent, isTransientStatus } from '../../../app/hubspot/client/errors.ts';

const GET = { method: 'GET', path: '/crm/objects/2026-09/contacts/101' };
const POST = { ...GET, method: 'POST' };
const detail = (fields: object) => ({
  message: undefined,
  code: undefined,
  in: undefined,
  context: {},
  ...fields,
});

describe('an error of HubSpot', () => {
  it.each([
    [{ status: 404 }, undefined, '404'],
    [{ status: 429 }, { category: 'RATE_LIMITS', status: 'error' }, '429 RATE_LIMITS'],
    [{ status: 400 }, { status: 'BAD_REFRESH_TOKEN' }, '400 BAD_REFRESH_TOKEN'],
    [{ problem: 'no answer (ETIMEDOUT)' }, undefined, 'no answer (ETIMEDOUT)'],
  ])('%p with the body %p has a summary', (failure, body, summary) => {
    const error = new HubSpotError({ ...GET, ...failure }, body);
    expect(error.summary).toBe(summary);
    expect(error.message).toBe(`HubSpot: GET ${GET.path}: ${summary}`);
  });

  it('contains HubSpot’s message and the note after the summary', () => {
    const message = (note?: string, said?: string) =>
      new HubSpotError({ ...GET, status: 400, note }, { message: said }).message.slice(
        `HubSpot: GET ${GET.path}`.length,
      );
    expect([message(), message('a note'), message(undefined, 'no'), message('a note', 'no')]).toEqual([
      ': 400',
      ': 400: a note',
      ': 400: no',
      ': 400: no; a note',
    ]);
  });

  it.each([
    ['a read without an answer', { ...GET }, false],
    ['a write without an answer', { ...POST }, true],
    ['a write that never left', { ...POST, sent: false }, false],
    ['a write that was refused', { ...POST, status: 499 }, false],
    ['a write that was answered with 500', { ...POST, status: 500 }, true],
    ['a write that may be repeated', { ...POST, idempotent: true }, false],
    ['a read that may not be repeated', { ...GET, idempotent: false }, true],
  ])('of %s may have been processed: %p, %p', (_what, failure, maybeDone) => {
    expect(new HubSpotError(failure).maybeDone).toBe(maybeDone);
  });

  it.each([
    [{}, { sent: true, answered: true }],
    [{ sent: false }, { sent: false, answered: false }],
    [{ answered: false }, { sent: true, answered: false }],
  ])('%p states whether it was sent and answered', (fields, expected) => {
    expect(new HubSpotError({ ...GET, ...fields })).toMatchObject(expected);
  });

  it('is transient unless HubSpot rejected the request', () => {
    const transient = (status?: number) => new HubSpotError({ ...GET, status }).transient;
    expect([undefined, 200, 399, 423, 429, 477, 488, 500, 503].map(transient)).toEqual(Array(9).fill(true));
    expect([400, 401, 404, 422, 424, 428, 476, 499].map(transient)).toEqual(Array(8).fill(false));
    expect([499, 500].map(isTransientStatus)).toEqual([false, true]);
  });

  it('of GET, PUT, DELETE and HEAD is idempotent by default', () => {
    const methods = ['GET', 'PUT', 'DELETE', 'HEAD', 'POST', 'PATCH'];
    expect(methods.map((method) => isIdempotent({ method }))).toEqual([true, true, true, true, false, false]);
    expect(isIdempotent({ method: 'POST', idempotent: true })).toBe(true);
    expect(isIdempotent({ method: 'GET', idempotent: false })).toBe(false);
  });

  it('has its details for people and for logs', () => {
    const body = { errors: [{ message: 'is too long', code: 'TOO_LONG', in: 'phone' }, {}] };
    const { details, problems } = new HubSpotError({ ...GET, status: 400 }, body);
    expect([details, problems]).toEqual([['phone: is too long'], ['phone: TOO_LONG']]);
  });

  it('prefers the correlation id of the body', () => {
    const of = (body?: unknown) =>
      new HubSpotError({ ...GET, status: 400, correlationId: 'header' }, body).correlationId;
    expect([of(), of({ correlationId: 'body' })]).toEqual(['header', 'body']);
  });
});

describe('a message of HubSpot', () => {
  const said = (message: string) => readErrorBody({ message, errors: [{ message }] });
  const problem = (name: string) => ({ isValid: false, message: `Property "${name}" does not exist`, name });

  it.each([
    ['Contact already exists. Existing ID: 101', 'Contact already exists. Existing ID: 101'],
    [
      `Property values were not valid: ${JSON.stringify([problem('a'), problem('b'), problem('a')])}`,
      'Property values were not valid: Property "a" does not exist; Property "b" does not exist',
    ],
    [`Not valid: ${JSON.stringify([problem('[{')])}.`, 'Not valid: Property "[{" does not exist.'],
    ['{"status":"error","message":"inner"}', 'inner'],
    ['requires any of ["a","b"]', 'requires any of a; b'],
    ['Not valid: [{"isValid":false}]', 'Not valid'],
    ['Not valid: [{"isValid":false,"mess', 'Not valid'],
    ['{"a":1} was not a valid number.', '{"a":1} was not a valid number.'],
    ['[x] and {y} were not valid', '[x] and {y} were not valid'],
    ['', ''],
  ])('%j is shortened to %j', (message, read) => {
    expect(said(message)).toMatchObject({ message: read, errors: [{ message: read }] });
    expect(readErrorBody({ errors: [message] }).errors).toMatchObject([{ message: read }]);
    expect(standardErrors.parse([message, { message }])).toMatchObject([
      { message: read },
      { message: read },
    ]);
  });

  it.each([
    [{ message: 'Contact already exists. Existing ID: 101' }, '101'],
    [
      { errors: ['Cannot set PropertyValueCoordinates{value=A1} on 151. 101 already has that value.'] },
      '101',
    ],
    [{ message: 'Contact already exists.' }, undefined],
    [{ message: 'Non-existing ID: x1' }, undefined],
    [{}, undefined],
  ])('%p names the record that exists: %p', (body, existingId) => {
    expect(new HubSpotError({ ...POST, status: 409 }, body).existingId).toBe(existingId);
  });
});

describe('the detail of an error', () => {
  it.each<[object, string | undefined, string | undefined]>([
    [{}, undefined, undefined],
    [{ message: 'is too long' }, 'is too long', undefined],
    [{ code: 'TOO_LONG' }, 'TOO_LONG', 'TOO_LONG'],
    [{ message: 'is too long', code: 'TOO_LONG', in: 'phone' }, 'phone: is too long', 'phone: TOO_LONG'],
    [{ message: 'phone is too long', in: 'phone' }, 'phone is too long', 'phone'],
    [{ in: 'phone' }, undefined, 'phone'],
    [{ code: 'A', in: 'b', context: { propertyName: ['c', 'd'] } }, 'c, d: A', 'c, d: A'],
    [{ code: 'jane@example.com', in: 'phone' }, 'phone: jane@example.com', 'phone'],
    [{ code: 'x'.repeat(200) }, 'x'.repeat(200), 'x'.repeat(200)],
    [{ code: 'x'.repeat(201) }, 'x'.repeat(201), undefined],
    [{ code: '+x' }, '+x', undefined],
    [{ code: 'x+' }, 'x+', undefined],
  ])('%p is described for people and named for logs', (fields, described, named) => {
    expect([describeDetail(detail(fields)), nameDetail(detail(fields))]).toEqual([described, named]);
  });

  it('is included once, and only when the message does not contain it', () => {
    const errors = [
      detail({ message: 'one' }),
      detail({ message: 'two' }),
      detail({ message: 'two' }),
      detail({ code: 'THREE' }),
      detail({}),
    ];
    expect(furtherDetails('all of one', errors)).toEqual(['two', 'THREE']);
  });
});

describe('secrets in a response', () => {
  it('are removed everywhere, and nothing else is', () => {
    const body = {
      message: 'a s3cret b s3cret',
      list: ['s3cret', 7, null],
      of: { name: 'oauth-token (X-1) and OAUTH-TOKEN (Y)' },
    };
    expect(withoutSecrets(body, ['', 's3cret'])).toEqual({
      message: 'a … b …',
      list: ['…', 7, null],
      of: { name: 'oauth-token (…) and oauth-token (…)' },
    });
    expect(withoutSecrets(null, ['s3cret'])).toBeNull();
  });

  it.each(['status', 'error', 'errorType', 'category', 'policyName'])(
    'keeps the code in %s even if a secret has the same value, but no other secret',
    (name) => {
      expect(withoutSecrets({ [name]: 'invalid_grant' }, ['invalid_grant'])).toEqual({
        [name]: 'invalid_grant',
      });
      for (const secret of ['9secret', 'secret9', 'x'.repeat(41)])
        expect(withoutSecrets({ [name]: secret }, [secret])).toEqual({ [name]: '…' });
      expect(withoutSecrets({ [name]: ['T'] }, ['T'])).toEqual({ [name]: ['…'] });
    },
  );

  it('are removed from other fields even if they look like codes', () => {
    expect(withoutSecrets({ message: 'word' }, ['word'])).toEqual({ message: '…' });
  });

  it('are removed only from the errors of a batch', () => {
    expect(withoutSecretErrors({ results: ['T'], errors: ['T'] }, ['T'])).toEqual({
      results: ['T'],
      errors: ['…'],
    });
    for (const body of [null, undefined, 'T', { results: ['T'] }])
      expect(withoutSecretErrors(body, ['T'])).toEqual(body);
  });

  it('a body of any type is accepted', () => {
    fc.assert(
      fc.property(fc.anything(), (body) => {
        expect(Array.isArray(readErrorBody(body).errors)).toBe(true);
        expect(Array.isArray(standardErrors.parse(body))).toBe(true);
      }),
    );
    expect(standardErrors.parse(['no', 7, { category: 'C' }])).toMatchObject([
      { message: 'no' },
      { errors: [] },
      { category: 'C' },
    ]);
    expect(standardErrors.parse('no')).toEqual([]);
  });

  it('invalid fields are named once, without their values', () => {
    const schema = z.object({ id: z.string(), list: z.array(z.object({ name: z.string() })) });
    const read = (body: unknown) => () => readAnswer(schema, body, GET);
    expect(read({ id: 'a', list: [] })()).toEqual({ id: 'a', list: [] });
    expect(read({ id: 17, list: [{ name: 'secret' }, { name: 5 }] })).toThrow(
      `HubSpot: GET ${GET.path}: an answer without usable id, list.1.name`,
    );
    expect(read('secret')).toThrow(/an answer without usable body$/);
    const either = z.object({ a: z.string() }).and(z.object({ a: z.string().min(1) }));
    expect(() => readAnswer(either, { a: 1 }, GET)).toThrow(/without usable a$/);
  });
});
