import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectError } from '../helpers/expect-error.ts';
import { startWorld, type World } from '../helpers/world.ts';

const CONTACT = '/hubid/62515/contact/jane@example.com';
const TIMELINE = '/hubid/62515/timeline/jane@example.com';

describe('an error of HubSpot', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    expect((await world.install()).status).toBe(200);
  });
  afterAll(() => world.close());

  it('about the caller’s values is sent to the caller', async () => {
    const unknown = await world.apiRequest('POST', CONTACT, { properties: { no_such_property: 'x' } });
    const message = await expectError(unknown, 400, 'refused_by_hubspot');
    expect(message).toBe(
      'HubSpot rejected the values: Property values were not valid: Property "no_such_property" does not exist',
    );
    const type = await world.apiRequest('PUT', TIMELINE, { eventTypeName: 'no_such_type' });
    await expectError(type, 400, 'refused_by_hubspot');
  });

  it.each<[string, Record<string, unknown>, number, string, string]>([
    [
      'a conflict',
      { status: 409, body: { category: 'CONFLICT', message: 'Contact already exists. Existing ID: 101' } },
      409,
      'refused_by_hubspot',
      'HubSpot rejected the values: Contact already exists. Existing ID: 101',
    ],
    [
      'a missing record',
      {
        status: 404,
        body: { category: 'OBJECT_NOT_FOUND', message: 'Unable to infer object type from: foo' },
      },
      404,
      'not_found',
      'HubSpot has no such record in this portal: Unable to infer object type from: foo',
    ],
    [
      'a missing record without a word',
      { status: 404 },
      404,
      'not_found',
      'HubSpot has no such record in this portal.',
    ],
    ...[413, 414, 422].map((status): [string, Record<string, unknown>, number, string, string] => [
      `${status}`,
      { status, body: { message: 'There is too much of it.' } },
      400,
      'refused_by_hubspot',
      'HubSpot rejected the values: There is too much of it.',
    ]),
    ...[402, 403, 405, 415, 499].map((status): [string, Record<string, unknown>, number, string, string] => [
      `${status}`,
      { status, body: { message: 'This oauth-token (CJ-secret) may not do that!' } },
      502,
      'hubspot_error',
      'HubSpot rejected a request of this server: This oauth-token (…) may not do that! The log of this server has the details.',
    ]),
    [
      'what has no full stop',
      { status: 415, body: { message: 'No such media type' } },
      502,
      'hubspot_error',
      'HubSpot rejected a request of this server: No such media type. The log of this server has the details.',
    ],
  ])('about %s is sent with its message', async (_what, failure, status, code, message) => {
    await world.sandbox.control('failures', { path: '/crm/*', ...failure });
    const answer = await world.apiRequest('POST', CONTACT, { properties: { firstname: 'x' } });
    const { error } = answer.body as { error: Record<string, unknown> };
    const existing = status === 409 ? { existingId: '101' } : {};
    expect([answer.status, error]).toEqual([
      status,
      { code, message, ...existing, requestId: expect.any(String) },
    ]);
  });

  it('about a duplicate value in a batch names the existing record', async () => {
    const errors = [
      { status: 'error', category: 'CONFLICT', message: 'Contact already exists. Existing ID: 101' },
    ];
    await world.sandbox.control('failures', {
      path: '/crm/*',
      status: 207,
      body: { status: 'COMPLETE', results: [], numErrors: 1, errors },
    });
    const answer = await world.apiRequest('POST', CONTACT, { properties: { firstname: 'x' } });
    expect(answer.body).toMatchObject({ error: { code: 'refused_by_hubspot', existingId: '101' } });
    expect(answer.status).toBe(409);
  });
});
