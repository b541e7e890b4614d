import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../../app/cli/crm.ts';
import { createOAuthApi } from '../../../app/hubspot/apis/oauth.ts';
import type { HubSpotRequest } from '../../../app/hubspot/client/http.ts';
import { portalApis } from '../../../app/hubspot/portal-apis.ts';
import { apiScopes } from '../../../app/hubspot/scopes.ts';
import { apiPaths } from '../../../app/hubspot/versions.ts';
import { runInProcess } from '../../cli/in-process.ts';
import { requestsOf, type SentRequest } from '../../helpers/crm-world.ts';
import { startWorld, type World } from '../../helpers/world.ts';

const FILE = path.join(import.meta.dirname, '../../../docs/apis.md');
const cells = (line: string) =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

const table = (await readFile(FILE, 'utf8')).split('\n').filter((line) => /^\| \d+ /.test(line));
const rows = table.map((line) => {
  const [chapter = '', script = '', before = '', endpoint = '', ...today] = cells(line);
  const [method = '', command = '', scopes = '', until = ''] = today;
  const plain = (cell: string) => (cell === '–' ? '' : cell.replaceAll('`', ''));
  const [, verb = '', path = '', query = ''] = /^([A-Z]+) (\/[^?]*)\??(.*)$/.exec(plain(endpoint)) ?? [];
  return {
    title: `chapter ${chapter}, ${plain(script) || plain(before)}: ${plain(command) || plain(method) || plain(endpoint)}`,
    chapter: Number(chapter),
    script: plain(script),
    before: plain(before),
    endpoint: { verb, path, query },
    method: plain(method),
    command: plain(command),
    scopes: plain(scopes).split(' ').filter(Boolean),
    until: plain(until),
  };
});

type Endpoint = (typeof rows)[number]['endpoint'];

/**
 * The scripts of the guide's chapters 2 to 7 and the endpoints that they call, as they stand there. Rows without a
 * script are what else those endpoints could do.
 */
const GUIDE: readonly [chapter: number, script: string, endpoint: string][] = [
  [2, 'contacts.js create', 'POST /contacts/v1/contact/'],
  [2, 'contacts.js createOrUpdate', 'POST /contacts/v1/contact/createOrUpdate/email/{email}'],
  [2, 'contacts.js getById', 'GET /contacts/v1/contact/vid/{vid}/profile'],
  [2, 'contacts.js getByEmail', 'GET /contacts/v1/contact/email/{email}/profile'],
  [2, 'contacts.js updateById', 'POST /contacts/v1/contact/vid/{vid}/profile'],
  [2, 'contacts.js updateByEmail', 'POST /contacts/v1/contact/email/{email}/profile'],
  [2, 'contacts.js deleteById', 'DELETE /contacts/v1/contact/vid/{vid}'],
  [3, 'companies.js create', 'POST /companies/v2/companies'],
  [3, 'companies.js getById', 'GET /companies/v2/companies/{companyId}'],
  [3, 'companies.js getByDomain', 'POST /companies/v2/domains/{domain}/companies'],
  [3, 'companies.js updateById', 'PUT /companies/v2/companies/{companyId}'],
  [3, 'companies.js deleteById', 'DELETE /companies/v2/companies/{companyId}'],
  [4, 'deals.js getPipelines', 'GET /crm-pipelines/v1/pipelines/deals'],
  [4, 'deals.js create', 'POST /deals/v1/deal'],
  [4, 'deals.js getById', 'GET /deals/v1/deal/{dealId}'],
  [4, 'deals.js updateById', 'PUT /deals/v1/deal/{dealId}'],
  [4, 'deals.js deleteById', 'DELETE /deals/v1/deal/{dealId}'],
  [5, 'tickets.js getPipelines', 'GET /crm-pipelines/v1/pipelines/tickets'],
  [5, 'tickets.js create', 'POST /crm-objects/v1/objects/tickets'],
  [5, 'tickets.js getById', 'GET /crm-objects/v1/objects/tickets/{objectId}'],
  [5, 'tickets.js updateById', 'PUT /crm-objects/v1/objects/tickets/{objectId}'],
  [5, 'tickets.js deleteById', 'DELETE /crm-objects/v1/objects/tickets/{objectId}'],
  [6, 'engagements.js create', 'POST /engagements/v1/engagements (type CALL)'],
  [6, 'engagements.js getById', 'GET /engagements/v1/engagements/{engagementId}'],
  [6, 'engagements.js updateById', 'PATCH /engagements/v1/engagements/{engagementId}'],
  [6, 'engagements.js deleteById', 'DELETE /engagements/v1/engagements/{engagementId}'],
  [6, '', 'POST /engagements/v1/engagements (type EMAIL)'],
  [6, '', 'POST /engagements/v1/engagements (type MEETING)'],
  [6, '', 'POST /engagements/v1/engagements (type NOTE)'],
  [6, '', 'POST /engagements/v1/engagements (type TASK)'],
  [7, 'associations.js createAssociation', 'PUT /crm-associations/v1/associations (definitionId 1)'],
  [7, '', 'PUT /crm-associations/v1/associations (another definitionId)'],
  [7, 'associations.js deleteAssociation', 'PUT /crm-associations/v1/associations/delete'],
];

let nextPortal = 7_000_000;

const CONTACT = { type: 'contacts', id: '1' };
const COMPANY = { type: 'companies', id: '2' };

/** A call of each method that the table names, by the method, or by its name alone where several APIs have it. */
const ARGUMENTS: Readonly<Record<string, readonly unknown[]>> = {
  create: [{}],
  get: ['1'],
  update: ['1', {}],
  archive: ['1'],
  'contacts.createOrUpdate': ['a@example.com', {}],
  'contacts.getByEmail': ['a@example.com'],
  'contacts.updateByEmail': ['a@example.com', {}],
  'companies.findByDomain': ['example.com'],
  'associations.createDefault': [CONTACT, COMPANY],
  'associations.create': [CONTACT, COMPANY, []],
  'associations.delete': [CONTACT, COMPANY],
  'oauth.exchangeCode': ['code'],
  'oauth.refresh': ['token'],
  'timeline.sendEvent': [{ eventTypeName: 'x', email: 'a@example.com', properties: {} }],
};

describe('docs/apis.md', () => {
  /** An install with the scopes that the project asks for, and no others. */
  let world: World;
  /** Of each group, the id that its last `create` printed. */
  const made = new Map<string, string>();
  /** What each command sent. */
  const sent = new Map<string, readonly SentRequest[]>();
  beforeAll(async () => {
    world = await startWorld({ settings: { HUBSPOT_RATE_LIMIT: '0', HUBSPOT_SEARCH_RATE_LIMIT: '0' } });
    await world.sandbox.setApp({ rateLimit: null, searchRateLimit: null });
    await world.install();
  });
  afterAll(() => world.close());

  it('has every script of the chapters 2 to 7, with its endpoint', () => {
    const told = rows
      .filter(({ chapter }) => chapter <= 7)
      .map(({ chapter, script, before }) => [chapter, script, before]);
    expect(told).toEqual(GUIDE);
  });

  it('has a method, a command and an end-of-support date in each row', () => {
    const incomplete = rows.filter(
      ({ chapter, method, command, until }) => chapter <= 7 && !(method && command && until),
    );
    expect(incomplete).toEqual([]);
  });

  it.each(rows.filter(({ method }) => method))('$title: the method calls that endpoint', async (row) => {
    const { method, endpoint } = row;
    const [area = '', name = ''] = method.split('.');
    const args = name === 'list' ? [endpoint.path.split('/').at(-1)] : (ARGUMENTS[method] ?? ARGUMENTS[name]);
    const requests: HubSpotRequest[] = [];
    const send = async (request: HubSpotRequest) => {
      requests.push(request);
    };
    const apis = {
      ...portalApis(send),
      oauth: createOAuthApi(send, { clientId: '', clientSecret: '', redirectUri: '' }),
    } as unknown as Record<string, Record<string, (...args: readonly unknown[]) => Promise<unknown>>>;
    // Nothing answers: a method that reads an answer fails after its request.
    await apis[area]?.[name]?.(...(args ?? [])).catch(() => {});
    expect(requests.map((request) => isCallOf(endpoint, request))).toEqual([true]);
  });

  it.each(rows.filter(({ until }) => until))('$title: path and date are those of api-paths.ts', (row) => {
    const areas = Object.values(apiPaths).filter(
      ({ path }) => row.endpoint.path === path || row.endpoint.path.startsWith(`${path}/`),
    );
    expect([...new Set(areas.map(({ unsupportedFrom }) => unsupportedFrom))]).toEqual([row.until]);
  });

  it.each(rows.filter(({ command }) => command))('$title: runs and calls that endpoint', async (row) => {
    const args = [...row.command.matchAll(/"([^"]*)"|(\S+)/g)].map(
      ([, quoted, word]) => quoted ?? word ?? '',
    );
    const [group = '', verb] = args;
    const line = args.map((arg) => arg.replace('<id>', made.get(group) ?? 'none'));
    let output = '';
    const requests = await requestsOf(world.sandbox, async () => {
      const run = await runInProcess(world.ctx, crmCommands, ...line, '--json');
      if (run.problem) throw run.problem;
      output = run.output;
    });
    sent.set(row.title, requests);
    if (verb === 'create' && group !== 'associations') made.set(group, JSON.parse(output).id);
    const called = requests.filter((sent) => isCallOf(row.endpoint, sent));
    expect(called.map(({ status }) => status < 300)).toEqual([true]);
  });

  it.each(rows.filter(({ method }) => method))('$title: its scopes are those of scopes.ts', (row) => {
    const { method, endpoint, scopes } = row;
    const [area = ''] = method.split('.');
    if (area === 'oauth') return expect(scopes).toEqual([]);
    const stated = apiScopes[area as keyof typeof apiScopes];
    const access = endpoint.verb === 'GET' || endpoint.path.endsWith('/search') ? 'read' : 'write';
    const [type] = /\/(contacts|deals|tickets)(?=\/|$)/.exec(endpoint.path)?.slice(1) ?? [];
    expect(scopes).toEqual((typeof stated === 'function' ? stated(type as never) : stated)[access]);
  });

  it.each(rows.filter(({ command }) => command))(
    '$title: HubSpot allows it with exactly its scopes',
    async ({ title, scopes }) => {
      const allowed = await statusesOf(title, scopes);
      expect(allowed.length).toBeGreaterThan(0);
      for (const refused of [400, 401, 403]) expect(allowed).not.toContain(refused);
      for (const missing of scopes) {
        const left = scopes.filter((scope) => scope !== missing);
        expect([missing, await statusesOf(title, left)]).toEqual([missing, expect.arrayContaining([403])]);
      }
    },
  );

  /** How HubSpot answers what a command sent, when another portal grants these scopes. */
  async function statusesOf(title: string, scopes: readonly string[]): Promise<number[]> {
    nextPortal += 1;
    const grant = { from: nextPortal, installed: true, scopes: ['oauth', ...scopes] };
    const { results } = await world.sandbox.control('portals', grant);
    const statuses: number[] = [];
    for (const { method, path, query, body } of sent.get(title) ?? []) {
      const answer = await fetch(`${world.sandboxUrl}${path}?${new URLSearchParams(query)}`, {
        method,
        headers: { authorization: `Bearer ${results[0].accessToken}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      await answer.body?.cancel();
      statuses.push(answer.status);
    }
    return statuses;
  }
});

/** Whether it is a request to this endpoint, by the id or by the unique property that the endpoint names. */
function isCallOf(
  { verb, path, query }: Endpoint,
  sent: { method: string; path: string; query?: Readonly<Record<string, unknown>> | undefined },
): boolean {
  const pattern = new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);
  const idProperty = new URLSearchParams(query).get('idProperty') ?? undefined;
  return sent.method === verb && pattern.test(sent.path) && sent.query?.idProperty === idProperty;
}
