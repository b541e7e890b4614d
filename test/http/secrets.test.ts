import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import supertest from 'supertest';
import { startSandbox } from '../../sandbox/index.ts';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';
import { freePort, type RunningProcess, startProcess } from '../helpers/processes.ts';
import { startRecordingProxy } from '../helpers/recording-proxy.ts';
import { createSandboxClient, type SandboxClient } from '../helpers/sandbox-client.ts';
import { API_KEY, testSettings } from '../helpers/settings.ts';
import { until } from '../helpers/until.ts';
import { PROJECT } from '../helpers/vendor.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

interface Asked {
  readonly headers?: Record<string, string>;
  /** Parameters are sent as a form. */
  readonly body?: string | URLSearchParams;
}

const toLower = (method: Method) => method.toLowerCase() as Lowercase<Method>;

const BROWSER = { accept: 'text/html' };
const EMAIL = 'jane@example.com';

/**
 * The whole life of an install, with real processes at the most talkative log level, and with all that can go wrong
 * on the way: nothing secret may be left behind in logs, answers or tables.
 */
describe('after the whole life of an install', () => {
  let database: TestDatabase;
  let sandbox: Awaited<ReturnType<typeof startSandbox>>;
  let proxy: Awaited<ReturnType<typeof startRecordingProxy>>;
  let control: SandboxClient;
  let serverUrl: string;
  let settings: Record<string, string>;
  const processes: RunningProcess[] = [];
  /** Everything that the app has answered, by what was asked. */
  const answers: { asked: string; text: string }[] = [];
  const dumps: string[] = [];
  const secrets = new Map<string, Set<string>>();

  beforeAll(async () => {
    database = await createDatabase();
    const port = await freePort();
    serverUrl = `http://localhost:${port}`;
    sandbox = await startSandbox({ port: 0, serverUrl, projectFolder: PROJECT });
    proxy = await startRecordingProxy(sandbox.url);
    control = createSandboxClient(sandbox.url);
    const urls = { databaseUrl: database.url, serverUrl, sandboxUrl: sandbox.url };
    settings = { ...testSettings(urls), HUBSPOT_API_URL: proxy.url, LOG_LEVEL: 'trace' };
    for (const file of ['app/server.ts', 'app/worker.ts']) processes.push(await startProcess(file, settings));
    await walk();
    for (const one of processes) expect(await one.kill()).toEqual({ code: 0, signal: null });
    gatherSecrets();
  });

  afterAll(async () => {
    await Promise.all(processes.map((one) => one.kill('SIGKILL')));
    await proxy.close();
    await sandbox.close();
    await database.drop();
  });

  it('secrets of every kind were in use', () => {
    const counts = Object.fromEntries([...secrets].map(([kind, values]) => [kind, values.size]));
    expect(counts).toEqual({
      'access token': expect.any(Number),
      'refresh token': expect.any(Number),
      code: expect.any(Number),
      state: expect.any(Number),
      'page ticket': 1,
      'client secret': 1,
      'API key': 1,
      'session secret': 1,
      'token key': 1,
    });
    for (const kind of ['access token', 'refresh token', 'code', 'state']) {
      expect(counts[kind]).toBeGreaterThanOrEqual(3);
    }
  });

  it('no secret is in the logs', () => {
    const logs = processes.map((one) => one.output()).join('\n');
    expect(logs.split('\n').length).toBeGreaterThan(50);
    expect(logs).toContain('"level":20');
    expect(found(logs)).toEqual([]);
    expect(logs).not.toMatch(/bearer /i);
  });

  it('each failed call to HubSpot is in the logs, with its cause', () => {
    const lines = processes.flatMap((one) => one.output().split('\n')).filter((line) => line.startsWith('{'));
    const failed = lines
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg.startsWith('a call to HubSpot failed'));
    const ofCall = { portalId: 62515, method: 'GET', path: expect.stringMatching(/^\/crm\//), attempt: 1 };
    const ids = { correlationId: expect.stringMatching(/^[\da-f-]{36}$/), status: 500, reason: '500' };
    const again = { ...ofCall, ...ids, retryInMs: expect.any(Number), level: 30 };
    // For a request and for an event of a webhook.
    expect(failed).toContainEqual(expect.objectContaining({ ...again, requestId: expect.any(String) }));
    expect(failed).toContainEqual(expect.objectContaining({ ...again, eventId: expect.any(String) }));
    const reason = '403 MISSING_SCOPES (needs crm.objects.contacts.read)';
    const refused = { ...ofCall, portalId: 62516, status: 403, reason, level: 40 };
    expect(failed).toContainEqual(expect.objectContaining({ ...refused, requestId: expect.any(String) }));
    expect(failed).toContainEqual(expect.objectContaining({ ...refused, eventId: expect.any(String) }));
    expect(JSON.stringify(failed)).not.toContain(EMAIL);
    // Fields of the line before, which tells of the same call, are none of this one's.
    expect(failed.filter((line) => 'ms' in line)).toEqual([]);
  });

  it('no secret is in an answer of the app, except the ticket in the card’s URL', () => {
    expect(answers.length).toBeGreaterThan(20);
    const leaks = answers.flatMap(({ asked, text }) => found(text).map((kind) => `${asked}: ${kind}`));
    expect(leaks).toEqual(['card: page ticket']);
  });

  it('no secret is in a row of a table at any time', () => {
    expect(dumps.join('\n')).toContain('installs');
    expect(dumps.length).toBeGreaterThanOrEqual(4);
    for (const dump of dumps) expect(found(dump)).toEqual([]);
  });

  /** The kinds of secrets that a text holds, as they are or as PostgreSQL prints bytes. */
  function found(text: string): string[] {
    const isIn = (value: string) => {
      // Cut short it would still be a leak.
      const start = value.slice(0, 24);
      return text.includes(start) || text.includes(Buffer.from(start).toString('hex'));
    };
    return [...secrets].filter(([, values]) => [...values].some(isIn)).map(([kind]) => kind);
  }

  async function walk() {
    await ask('GET', '/');
    await ask('GET', '/', { headers: BROWSER });

    // Installs that fail, at each step.
    await ask('GET', await control.decide(await begin(), 'deny'), { headers: BROWSER });
    for (const [path, failure] of [
      ['/oauth/*/token', { status: 500 }],
      ['/oauth/*/token', { status: 0 }],
      ['/oauth/*/token', { status: 200, body: '<html>' }],
      ['/oauth/*/token', { status: 400, body: { error: 'invalid_client', status: 'BAD_CLIENT_SECRET' } }],
      ['/oauth/*/introspect', { status: 500 }],
      ['/oauth/*/introspect', { status: 200, body: { active: 'perhaps' } }],
    ] as const) {
      await control.control('failures', { path, ...failure });
      await ask('GET', await control.decide(await begin(), 'approve'), { headers: BROWSER });
    }

    // One that works, and its address opened again.
    const callback = await control.decide(await begin(), 'approve');
    expect((await ask('GET', callback, { headers: BROWSER })).status).toBe(200);
    await ask('GET', callback, { headers: BROWSER });
    await ask('GET', callback);
    await api('GET', '/hubid/62515');
    dumps.push(await dump());

    await signInAndInstall();

    // The card, its page, and the page with a ticket that does not fit.
    const { body: card } = await control.control('card', { portalId: 62515, objectId: '101' });
    answers.push({ asked: 'card', text: JSON.stringify(card) });
    const page = new URL(card.primaryAction.uri);
    remember('page ticket', page.searchParams.get('ticket'));
    expect((await ask('GET', page.href, { headers: BROWSER })).status).toBe(200);
    await ask('GET', page.href.replace('62515', '62516'), { headers: BROWSER });
    await ask('GET', `${page.href}x`);

    // Data calls, answered and not, and one that is not allowed.
    await api('GET', `/hubid/62515/contact/${EMAIL}`);
    await api('POST', `/hubid/62515/contact/${EMAIL}`, { properties: { firstname: 'Jane' } });
    await api('PUT', `/hubid/62515/timeline/${EMAIL}`, { extraData: { message: 'hello' } });
    await ask('GET', '/hubid/62515', { headers: { authorization: `Bearer ${API_KEY}x` } });
    for (const failure of [{ status: 500 }, { status: 0 }, { status: 403 }, { status: 200, body: 'x' }]) {
      await control.control('failures', { path: '/crm/*', ...failure });
      await api('GET', `/hubid/62515/contact/${EMAIL}`);
      await control.control('failures', { path: '/integrators/*', ...failure });
      await api('PUT', `/hubid/62515/timeline/${EMAIL}`);
    }
    await ask('POST', '/webhook', {
      body: '[]',
      headers: { 'content-type': 'text/plain', 'x-hubspot-signature-v3': 'x' },
    });

    // HubSpot calls the token expired: a refresh that fails, then one that works.
    await control.control('clock', { advanceSeconds: 1900 });
    for (const failure of [{ status: 500 }, { status: 400, body: { status: 'BAD_CLIENT_SECRET' } }]) {
      await control.control('failures', { path: '/oauth/*', ...failure });
      await api('GET', `/hubid/62515/contact/${EMAIL}`);
    }
    await until('the next try to work', async () => {
      return (await api('GET', `/hubid/62515/contact/${EMAIL}`)).status === 200;
    });
    dumps.push(await dump());

    // A webhook, through the worker, with a handler that fails once.
    const event = { subscriptionType: 'contact.propertyChange', portalId: 62515, objectId: 101 };
    const change = { ...event, propertyName: 'phone', propertyValue: '1' };
    await control.control('failures', { path: '/crm/*/contacts/101', status: 500 });
    await control.control('webhooks', {
      events: [
        { ...change, eventId: 1 },
        { ...change, eventId: 2 },
      ],
    });
    await until('one of the two events', async () => (await timelineTitles()).includes('phone is now 1'));

    await lackScopes();

    // HubSpot revokes, the app is installed again and disconnected.
    await control.control('uninstall', { portalId: 62515 });
    await api('GET', `/hubid/62515/contact/${EMAIL}`);
    dumps.push(await dump());
    await ask('GET', await control.decide(await begin(), 'approve'), { headers: BROWSER });
    expect((await api('DELETE', '/hubid/62515')).status).toBe(200);
    dumps.push(await dump());
  }

  /** The way in through HubSpot's marketplace with a sign-in on our page: wrong key first, then the right one. */
  async function signInAndInstall() {
    const returnUrl = `${sandbox.url}/marketplace`;
    const page = await fetch(`${serverUrl}/oauth-callback?step=authorize&returnUrl=${returnUrl}`);
    const [cookie = ''] = page.headers.get('set-cookie')?.split(';') ?? [];
    const [, token = ''] = /name="token" value="([^"]+)"/.exec(await page.text()) ?? [];
    const form = (key: string) => new URLSearchParams({ returnUrl, token, user: 'Someone', key });
    await ask('POST', '/partner-sign-in', { headers: { cookie }, body: form(`${API_KEY}x`) });
    const signedIn = await fetch(`${serverUrl}/partner-sign-in`, {
      method: 'POST',
      headers: { cookie },
      redirect: 'manual',
      body: form(API_KEY),
    });
    expect(signedIn.status).toBe(303);
    const state = new URL(signedIn.headers.get('location') ?? '').searchParams.get('state') ?? '';
    remember('state', state);
    const code = new URL(await control.decide(await begin(), 'approve')).searchParams.get('code') ?? '';
    const finalize = new URLSearchParams({ step: 'finalize', code, state, returnUrl });
    const finished = await ask('GET', `/oauth-callback?${finalize}`, { headers: { cookie } });
    expect(finished.status).toBe(302);
    await ask('GET', `/oauth-callback?${finalize}`, { headers: { ...BROWSER, cookie } });
    dumps.push(await dump());
  }

  /** A portal that granted too little: HubSpot's refusals repeat the token. */
  async function lackScopes() {
    const { requiredScopes, optionalScopes } = await control.setApp({});
    await control.setApp({
      requiredScopes: ['oauth'],
      optionalScopes: [...requiredScopes, ...optionalScopes],
    });
    const url = new URL(await begin());
    url.searchParams.set('scope', 'oauth');
    url.searchParams.delete('optional_scope');
    await ask('GET', await control.decide(url.href, 'approve', 62516), { headers: BROWSER });
    await control.setApp({ requiredScopes, optionalScopes });
    expect((await api('GET', `/hubid/62516/contact/${EMAIL}`)).status).toBe(403);
    expect((await api('PUT', `/hubid/62516/timeline/${EMAIL}`)).status).toBe(403);
    const event = { subscriptionType: 'contact.propertyChange', portalId: 62516, objectId: 201, eventId: 3 };
    await control.control('webhooks', { events: [{ ...event, propertyName: 'phone', propertyValue: '1' }] });
    await until('the refusal to be noted', async () => {
      dumps.push(await dump());
      return dumps.at(-1)?.includes('does not have proper permissions');
    });
    expect(proxy.exchanges.map(({ responseBody }) => responseBody).join()).toMatch(/oauth-token \([^)]{24}/);
  }

  /** HubSpot's authorize URL of a new install. */
  async function begin(): Promise<string> {
    const answer = await fetch(`${serverUrl}/install`, { redirect: 'manual' });
    const url = answer.headers.get('location') ?? '';
    remember('state', new URL(url).searchParams.get('state'));
    return url;
  }

  async function ask(method: Method, pathOrUrl: string, { headers = {}, body }: Asked = {}) {
    const url = new URL(pathOrUrl, serverUrl);
    const request = supertest(url.origin)
      [toLower(method)](url.pathname + url.search)
      .set(headers);
    const answer = await (body === undefined ? request : request.send(String(body)));
    answers.push({
      asked: `${method} ${url.pathname}`,
      text: JSON.stringify(answer.headers) + (answer.text ?? ''),
    });
    return answer;
  }

  function api(method: Method, path: string, body?: unknown) {
    const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };
    return ask(method, path, { headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  }

  async function timelineTitles(): Promise<string[]> {
    const { results } = await control.read(`timeline?portalId=62515&email=${EMAIL}`);
    return results.map(({ header }: { header: string }) => header);
  }

  /** Every row of every table, ours and the queue's, as text. */
  async function dump(): Promise<string> {
    const client = new pg.Client(database.url);
    await client.connect();
    try {
      const { rows: tables } = await client.query<{ name: string }>(
        `select format('%I.%I', schemaname, tablename) as name from pg_tables
         where schemaname not in ('pg_catalog', 'information_schema')`,
      );
      const texts: string[] = [];
      for (const { name } of tables) {
        const { rows } = await client.query(`select t::text as row from ${name} t`);
        texts.push(`${name}:`, ...rows.map(({ row }) => row));
      }
      return texts.join('\n');
    } finally {
      await client.end();
    }
  }

  /** What went over the wire between app and HubSpot, and what the app was told at its start. */
  function gatherSecrets() {
    for (const { authorization, requestBody, responseBody } of proxy.exchanges) {
      remember('access token', authorization?.replace('Bearer ', ''));
      const form = new URLSearchParams(requestBody);
      remember('code', form.get('code'));
      remember('refresh token', form.get('refresh_token'));
      remember('access token', /"access_token":"([^"]+)"/.exec(responseBody)?.[1]);
      remember('refresh token', /"refresh_token":"([^"]+)"/.exec(responseBody)?.[1]);
    }
    remember('client secret', settings.HUBSPOT_CLIENT_SECRET);
    remember('API key', settings.API_KEY);
    remember('session secret', settings.SESSION_SECRET);
    remember('token key', settings.TOKEN_KEYS?.split(':')[1]);
  }

  function remember(kind: string, value: string | null | undefined) {
    if (!value) return;
    const values = secrets.get(kind) ?? new Set();
    secrets.set(kind, values.add(value));
  }
});
