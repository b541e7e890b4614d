import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CrmWorld, startCrmWorld } from '../../helpers/crm-world.ts';

const CONTACT = '/crm/objects/2026-09/contacts/101';

describe('an error response of HubSpot', () => {
  let world: CrmWorld;
  beforeAll(async () => {
    world = await startCrmWorld();
  });
  afterAll(() => world.close());

  /** The error of a read that HubSpot answered so. */
  async function refused(failure: Record<string, unknown>) {
    await world.sandbox.control('failures', { path: CONTACT, ...failure });
    return world.hubspot.contacts.get('101').then(
      () => {
        throw new Error('HubSpot did not refuse.');
      },
      (error) => error,
    );
  }

  it.each<[string, unknown, Record<string, unknown>]>([
    ['nothing', undefined, { errors: [], details: [] }],
    ['null', 'null', { errors: [] }],
    ['a list', [{ message: 'a' }], { errors: [] }],
    ['text', '"no"', { errors: [] }],
    ['a number as status', { status: 404, category: 'C' }, { category: 'C' }],
    ['an object as message', { message: {}, category: 'C' }, { category: 'C' }],
    ['null as category', { category: null, policyName: 'P' }, { category: undefined, policyName: 'P' }],
    [
      'null as correlation id',
      { correlationId: null, category: 'C' },
      { category: 'C', correlationId: expect.stringMatching(/^[\da-f-]{36}$/) },
    ],
    ['null as errors', { errors: null, category: 'C' }, { category: 'C', errors: [] }],
    ['an object as errors', { errors: { message: 'a' }, category: 'C' }, { category: 'C', errors: [] }],
    ['texts as errors', { errors: ['first', 'second'] }, { details: ['first', 'second'] }],
    [
      'errors without a message',
      { errors: [null, 7, { message: null }, { message: 'kept' }, { code: 'TOO_LONG', in: 'firstname' }] },
      { details: ['kept', 'firstname: TOO_LONG'] },
    ],
    [
      'a context of odd values',
      { errors: [{ message: 'bad', context: { propertyName: 'phone', id: [1, null], x: null, y: {} } }] },
      {
        details: ['phone: bad'],
        errors: [{ message: 'bad', context: { propertyName: ['phone'], id: ['1'], x: [], y: [] } }],
      },
    ],
    ['null as context', { errors: [{ message: 'bad', context: null }] }, { details: ['bad'] }],
    ['an object as sub-category', { subCategory: { a: 1 } }, { subCategory: { a: 1 } }],
  ])('%s instead of the documented type does not affect other fields', async (_what, body, expected) => {
    const headers = { 'content-type': 'application/json' };
    expect(await refused({ status: 400, body, headers })).toMatchObject({
      name: 'HubSpotError',
      status: 400,
      ...expected,
    });
  });

  it('is reported by field', async () => {
    const error = await world.hubspot.companies.create({ numberofemployees: 'many' }).catch((it) => it);
    expect(error.details).toEqual(['numberofemployees: many was not a valid number.']);
    expect(error.errors).toMatchObject([
      { code: 'INVALID_NUMERIC', context: { propertyName: ['numberofemployees'] } },
    ]);
  });

  it('is recognised as a daily limit, whatever else is invalid', async () => {
    const body = {
      policyName: 'DAILY',
      correlationId: null,
      errors: [{ message: null }],
      message: {},
      status: 429,
    };
    let error: unknown;
    const requests = await world.requestsOf(async () => {
      error = await refused({ status: 429, body, times: 2 });
    });
    expect(error).toMatchObject({ status: 429, policyName: 'DAILY' });
    expect(requests).toHaveLength(1);
    await world.hubspot.contacts.get('101').catch(() => {});
  });

  it('contains no token in its messages, even if HubSpot repeats one', async () => {
    const { rows } = await world.ctx.pool.query('select portal_id from installs');
    expect(rows).toHaveLength(1);
    const token = await world.ctx.services.tokens.accessTokenFor(62515);
    const said = `This oauth-token (${token}) is expired! Bearer ${token}`;
    const errors = [{ message: said, in: said, context: { [`of ${said.length}`]: [said] } }];
    const error = await refused({ status: 403, body: { message: said, category: 'C', errors } });
    expect(JSON.stringify([error, error.message])).not.toContain(token);
    expect(error.message).toContain('403 C: This oauth-token (…) is expired! Bearer …');
    const other = await refused({
      status: 403,
      body: { message: 'oauth-token (CJ-cut-or-older) is expired!' },
    });
    expect(other.message).toContain('oauth-token (…) is expired!');
  });

  it('contains no token in its codes either, which are otherwise unchanged', async () => {
    const token = await world.ctx.services.tokens.accessTokenFor(62515);
    const body = {
      category: token,
      policyName: { of: token },
      status: `no ${token}`,
      error: 'invalid_grant',
    };
    const error = await refused({ status: 400, body, headers: { 'content-type': 'application/json' } });
    expect(JSON.stringify([error, error.message])).not.toContain(token);
    expect(error).toMatchObject({ category: '…', oauthStatus: 'no …', oauthError: 'invalid_grant' });
  });

  it('contains no e-mail address, even if the response is unusable', async () => {
    await world.sandbox.control('failures', { path: '/crm/*', status: 200, body: { id: null } });
    const error = await world.hubspot.contacts.getByEmail('jane@example.com').catch((it) => it);
    expect(error.message).toMatch(/without usable id/);
    expect(JSON.stringify([error, error.message])).not.toContain('jane');
  });

  it('contains none when a batch partly failed', async () => {
    const token = await world.ctx.services.tokens.accessTokenFor(62515);
    const body = {
      results: [{ id: '301', properties: { name: 'oauth-token (a name)' } }],
      errors: [{ message: `This oauth-token (${token}) may not read 302`, context: { ids: ['302'] } }],
    };
    await world.sandbox.control('failures', { path: '/crm/*/companies/batch/read', status: 207, body });
    const [read, failed] = await world.hubspot.companies.batchRead(['301', '302']);
    expect(read?.result?.properties.name).toBe('oauth-token (a name)');
    expect(failed?.failure?.message).toBe('This oauth-token (…) may not read 302');
  });
});
