import { describe, expect, it } from '@jest/globals';
import { readDescription } from '../../scripts/contract/description.ts';
import type { Exchange } from '../../scripts/contract/recording-proxy.ts';
import { scopeDifferences } from '../../scripts/contract/scopes.ts';

const text = { type: 'string' };
const json = (schema: object) => ({ content: { 'application/json': { schema } } });
const description = readDescription(
  'pets 2026-09',
  JSON.stringify({
    openapi: '3.0.1',
    paths: {
      '/pets/{kind}/{id}': {
        get: {
          parameters: [
            { name: 'kind', in: 'path', required: true, schema: { ...text, enum: ['cat', 'dog'] } },
            { name: 'id', in: 'path', required: true, schema: text },
            { name: 'limit', in: 'query', schema: { type: 'integer' } },
            { name: 'names', in: 'query', schema: { type: 'array', items: text } },
            { name: 'account', in: 'query', required: true, schema: text },
          ],
          responses: {
            200: json({ $ref: '#/components/schemas/Pet' }),
            default: { $ref: '#/components/responses/Error' },
          },
        },
      },
      '/pets/{kind}/search': {
        get: { responses: { 200: {} } },
        post: {
          requestBody: { ...json({ $ref: '#/components/schemas/Pet' }), required: true },
          responses: { 204: { description: 'done' } },
        },
        put: {
          requestBody: {
            content: {
              'application/x-www-form-urlencoded': {
                schema: { type: 'object', properties: { age: { type: 'integer' } } },
              },
            },
          },
          responses: { 204: {} },
        },
      },
    },
    components: {
      responses: {
        Error: { content: { '*/*': { schema: { type: 'object', required: ['message'], properties: {} } } } },
      },
      schemas: {
        Pet: {
          type: 'object',
          required: ['name'],
          properties: {
            name: { ...text, example: null },
            chip: { ...text, nullable: true },
            born: { ...text, format: 'date-time' },
            properties: { type: 'object', additionalProperties: text },
          },
        },
      },
    },
  }),
);

const READ = 'GET /pets/{kind}/{id}';
const read = (more: Partial<Exchange> = {}): Exchange => ({
  method: 'GET',
  path: '/pets/cat/7',
  query: new URLSearchParams('account=1'),
  requestBody: '',
  status: 200,
  responseType: 'application/json; charset=utf-8',
  responseBody: '{"name":"Tom"}',
  ...more,
});
const search = (method: string, requestBody: string, requestType = 'application/json'): Exchange => ({
  method,
  path: '/pets/cat/search',
  query: new URLSearchParams(),
  requestType,
  requestBody,
  status: 204,
  responseBody: '',
});

describe('a description', () => {
  it('finds operations, and prefers a literal path to a placeholder', () => {
    expect(description.operations).toHaveLength(4);
    expect(description.operationOf(read())).toBe(READ);
    expect(description.operationOf(read({ path: '/pets/cat/search' }))).toBe('GET /pets/{kind}/search');
    expect(description.operationOf(read({ method: 'DELETE' }))).toBeUndefined();
    expect(description.operationOf(read({ path: '/pets/cat/7/more' }))).toBeUndefined();
  });

  it('accepts described values, in requests also as text', () => {
    const query = new URLSearchParams('account=1&limit=5&names=a&names=b');
    expect(description.differences(READ, read({ query }))).toEqual([]);
    const body = { name: 'Tom', chip: null, properties: { any: 'value' } };
    expect(description.differences('POST /pets/{kind}/search', search('POST', JSON.stringify(body)))).toEqual(
      [],
    );
    const form = search('PUT', 'age=3', 'application/x-www-form-urlencoded');
    expect(description.differences('PUT /pets/{kind}/search', form)).toEqual([]);
  });

  it.each([
    [
      'a parameter it does not have',
      { query: new URLSearchParams('account=1&x=1') },
      'query/x is not described',
    ],
    [
      'a parameter that is missing',
      { query: new URLSearchParams() },
      "query must have required property 'account'",
    ],
    [
      'a parameter of another type',
      { query: new URLSearchParams('account=1&limit=x') },
      'query/limit must be integer',
    ],
    ['a path value it does not list', { path: '/pets/cow/7' }, 'path/kind must be one of cat, dog'],
    ['a body where none belongs', { requestBody: '{}' }, 'request has a body'],
    ['a status it does not list', { status: 202 }, 'status is not described'],
    ['an answer of another type', { responseType: 'text/html' }, 'answer of type text/html'],
    ['an answer without a body', { responseBody: '' }, 'answer has no body'],
    ['an answer that lacks a field', { responseBody: '{}' }, "answer must have required property 'name'"],
    [
      'a wrong format',
      { responseBody: '{"name":"a","born":"now"}' },
      'answer/born must match format "date-time"',
    ],
    ['null where it has no place', { responseBody: '{"name":null}' }, 'answer/name must be string'],
    [
      'an error of another shape',
      { status: 404, responseBody: '{}' },
      "answer must have required property 'message'",
    ],
  ])('reports %s', (_what, exchange, difference) => {
    expect(description.differences(READ, read(exchange))).toEqual([difference]);
  });

  it('allows additional fields in a response, but not in a request', () => {
    const body = '{"name":"Tom","more":1}';
    expect(description.differences(READ, read({ responseBody: body }))).toEqual([]);
    const told = description.differences('POST /pets/{kind}/search', search('POST', body));
    expect(told).toContain('request/more is not described');
  });

  it('parses request bodies by content type', () => {
    const post = 'POST /pets/{kind}/search';
    expect(description.differences(post, search('POST', ''))).toContain('request has no body');
    expect(description.differences(post, search('POST', 'name=1', 'text/plain'))).toContain(
      'request of type text/plain',
    );
    const form = search('PUT', 'age=old', 'application/x-www-form-urlencoded');
    expect(description.differences('PUT /pets/{kind}/search', form)).toContain('request/age must be integer');
  });
});

describe('the table of scopes', () => {
  const exchange = (method: string, path: string): Exchange => ({
    method,
    path,
    query: new URLSearchParams(),
    requestBody: '',
    status: 200,
    responseBody: '',
  });

  it.each<[string, string, string, string[][], boolean]>([
    ['contacts', 'GET', '/crm/objects/2026-09/contacts', [['crm.objects.contacts.read']], true],
    ['contacts', 'POST', '/crm/objects/2026-09/contacts/search', [['crm.objects.contacts.read']], true],
    ['contacts', 'POST', '/crm/objects/2026-09/contacts', [['crm.objects.contacts.read']], false],
    [
      'contacts',
      'POST',
      '/crm/objects/2026-09/contacts',
      [['tickets'], ['crm.objects.contacts.write']],
      true,
    ],
    ['contacts', 'POST', '/crm/objects/2026-09/contacts', [['crm.objects.contacts.write', 'content']], false],
    ['deals', 'GET', '/crm/pipelines/2026-09/tickets', [['tickets']], true],
    ['pipelines', 'POST', '/crm/pipelines/2026-09/deals', [['crm.objects.deals.write']], false],
    ['associations', 'PUT', '/crm/objects/2026-09/0-3/4/associations/x', [['crm.objects.deals.write']], true],
    ['oauth', 'POST', '/oauth/2026-03/token', [], true],
  ])('%s %s %s with %j: sufficient is %p', (area, method, path, alternatives, enough) => {
    expect(scopeDifferences(area, exchange(method, path), alternatives).length === 0).toBe(enough);
  });
});
