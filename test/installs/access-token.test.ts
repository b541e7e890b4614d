import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { installCommands } from '../../app/cli/installs.ts';
import { createReadSecret } from '../../app/cli/secret.ts';
import { createContext } from '../../app/context.ts';
import { parseKeyRing } from '../../app/db/key-ring.ts';
import { defineHandler } from '../../app/webhooks/handler.ts';
import { hubspotJson, hubspotReading } from '../cli/hubspot-command.ts';
import { runInProcess } from '../cli/in-process.ts';
import { expectError } from '../helpers/expect-error.ts';
import { createMemoryLog } from '../helpers/memory-log.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const PORTAL = 62515;
const OTHER = 62516;
const CONTACT = `/hubid/${PORTAL}/contact/jane@example.com`;
const INFO = '/oauth/v2/private-apps/get/access-token-info';
const HALF_A_YEAR_S = 180 * 24 * 60 * 60;

/** What the handlers of this file were called with. */
const handled: string[] = [];
const webhookHandlers = [
  defineHandler({
    name: 'note-lifecycle-begin',
    on: 'app.installed',
    handle: async () => void handled.push('installed'),
  }),
  defineHandler({
    name: 'note-lifecycle-end',
    on: 'app.uninstalled',
    handle: async () => void handled.push('uninstalled'),
  }),
  defineHandler({
    name: 'read-contact',
    on: 'contact.propertyChange',
    when: { properties: ['phone'] },
    async handle(event, { hubspot, install }) {
      const { properties } = await hubspot.contacts.get(event.objectId);
      handled.push(`${properties.email} ${(await install()).has('crm.objects.contacts.read')}`);
    },
  }),
];

describe('an account that is connected with its own access token', () => {
  const log = createMemoryLog('debug');
  let world: World;
  let ahead = 0;
  beforeAll(async () => {
    const clock = { now: () => Date.now() + ahead };
    world = await startWorld({ worker: true, clock, webhookHandlers, logger: log.logger });
  });
  beforeEach(async () => {
    ahead = 0;
    await world.sandbox.control('reset');
    await world.apiRequest('DELETE', `/hubid/${PORTAL}?local=true`);
    await until('the handlers to be done', async () => {
      const { rows } = await world.ctx.pool.query(
        `select count(*) from webhook_events where state = 'waiting'`,
      );
      return rows[0].count === 0;
    });
    handled.length = 0;
  });
  afterEach(() => {
    expect(JSON.stringify(log.lines)).not.toContain('pat-na1-');
  });
  afterAll(() => world.close());

  const service = () => world.ctx.services.installs;
  const made = async (options: Record<string, unknown> = {}): Promise<string> =>
    (await world.sandbox.control('private-app', { portalId: PORTAL, ...options })).accessToken;
  const add = async (token?: string) => service().addAccessToken(PORTAL, token ?? (await made()));
  const requests = async (path: string) => (await world.sandbox.read(`requests?path=${path}`)).results;
  const failing = (failure: Record<string, unknown>) => world.sandbox.control('failures', failure);
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (error: { code?: string }) => error.code,
    );
  const cli = (...args: string[]) => runInProcess(world.ctx, [installCommands], 'installs', ...args);
  const stored = async () => {
    const { rows } = await world.ctx.pool.query(
      'select kind, state, access_token, refresh_token, refresh_due_at from installs where portal_id = $1',
      [PORTAL],
    );
    return rows[0];
  };

  it('is connected by a command that reads the token from standard input and does not print it', async () => {
    const token = await made();
    const line = ['installs', 'add', `${PORTAL}`];
    const added = await hubspotReading(`${token}\n`, world.settings, ...line);
    expect(added).toMatchObject({
      code: 0,
      output: expect.stringContaining(`Portal ${PORTAL} is connected.`),
      errors: '',
    });
    const again = await hubspotReading('', world.settings, '--verbose', ...line, '--access-token', token);
    expect(again.code).toBe(0);
    const shown = await hubspotJson(world.settings, 'installs', 'show', `${PORTAL}`);
    expect(shown).toMatchObject({
      portal: PORTAL,
      kind: 'access_token',
      state: 'active',
      app: 193354,
      reconnect: null,
      tokenExpires: null,
      nextRefresh: null,
      reason: 'access token replaced',
      scopes: expect.arrayContaining(['crm.objects.contacts.read']),
    });
    expect(await hubspotJson(world.settings, 'installs', 'list')).toMatchObject([{ kind: 'access_token' }]);
    const status = await world.json('GET', `/hubid/${PORTAL}`);
    expect(status).toMatchObject({ kind: 'access_token', state: 'active', reconnectUrl: null });
    for (const text of [added, again, shown, status, await stored(), await requests('*')])
      expect(JSON.stringify(text)).not.toContain(token);
    expect(await stored()).toMatchObject({ refresh_token: null, refresh_due_at: null });
  });

  it('does not lack scopes that only apps can have, and the command says where to add a missing one', async () => {
    await add(await made({ scopes: ['crm.objects.contacts.read'] }));
    const { missingScopes, needsConsent } = await world.json('GET', `/hubid/${PORTAL}`);
    expect(missingScopes).not.toContain('timeline');
    expect([missingScopes.length > 0, needsConsent]).toEqual([true, false]);
    expect((await cli('list', '--needs-consent')).output).not.toContain(`${PORTAL}`);
    const answer = await world.apiRequest('POST', CONTACT, { properties: { phone: '8' } });
    expect(await expectError(answer, 403, 'missing_scopes')).toMatch(
      /crm\.objects\.contacts\.write\. Give its access token it in HubSpot, then store the token again with `installs add`\.$/,
    );
  });

  it('is used by the API, the command line, cards and handlers like an install, however old it is', async () => {
    await add();
    await world.sandbox.control('clock', { advanceSeconds: HALF_A_YEAR_S });
    ahead = HALF_A_YEAR_S * 1000;
    await world.ctx.installs.sweep({ stopping: () => false });
    expect((await world.apiRequest('GET', CONTACT)).status).toBe(200);
    expect((await world.apiRequest('POST', CONTACT, { properties: { phone: '7' } })).status).toBe(200);
    // Signatures are of today.
    ahead = 0;
    const read = ['contacts', 'get-by-email', 'jane@example.com', '--portal', `${PORTAL}`];
    expect(await hubspotJson(world.settings, ...read)).toMatchObject({ id: '101' });
    const card = await world.sandbox.control('card', { portalId: PORTAL, objectId: '101' });
    expect(card.body.results).toHaveLength(1);
    await until('the handler of the change', () => handled.includes('jane@example.com true'));
    expect(handled).toContain('installed');
    expect(await requests('/oauth/*/token')).toEqual([]);
  });

  it('shows the missing scopes on its page, without a link to a consent', async () => {
    await add(await made({ scopes: ['crm.objects.contacts.read'] }));
    const card = await world.sandbox.control('card', { portalId: PORTAL, objectId: '101' });
    const page = await (await fetch(card.body.primaryAction.uri)).text();
    expect(page).toContain('access token lacks scopes');
    expect(page).toContain('<code>crm.objects.contacts.write</code>');
    expect(page).not.toContain('<code>oauth</code>');
    expect(page).not.toContain('Give consent');
  });

  it.each([
    { what: 'HubSpot does not know', token: async () => `${await made()}x`, code: 'access_token_refused' },
    {
      what: 'was rotated',
      token: async () => {
        const former = await made();
        await made();
        return former;
      },
      code: 'access_token_refused',
    },
    { what: 'is none', token: async () => 'two words', code: 'access_token_refused' },
    {
      what: 'is of another account',
      token: () => made({ portalId: OTHER }),
      code: 'access_token_of_other_portal',
    },
    {
      what: 'HubSpot says nothing of',
      token: async () => {
        const token = await made();
        await failing({ path: INFO, status: 503 });
        return token;
      },
      code: 'hubspot_error',
    },
    {
      what: 'is of an account that has installed the app',
      token: async () => {
        await world.install(PORTAL);
        return made();
      },
      code: 'connected_by_oauth',
    },
  ])('is not connected with a token that $what', async ({ token, code }) => {
    const given = await token();
    const before = await stored();
    expect(await codeOf(add(given))).toBe(code);
    expect(await stored()).toEqual(before);
  });

  it('is not connected without a token', async () => {
    for (const input of ['', ' \n']) {
      const { code, errors } = await hubspotReading(input, world.settings, 'installs', 'add', `${PORTAL}`);
      expect([code, errors]).toEqual([1, 'No access token was given. Nothing was stored.\n']);
    }
  });

  it('is connected with unknown scopes when HubSpot no longer describes tokens', async () => {
    const token = await made();
    await failing({ path: INFO, status: 404, times: 2 });
    const { output } = await cli('add', `${PORTAL}`, '--access-token', token);
    expect(output).toContain('HubSpot did not return the scopes of the token.');
    expect((await world.apiRequest('GET', CONTACT)).status).toBe(200);
    expect(await codeOf(add(`${token}x`))).toBe('access_token_refused');
  });

  it('needs another token when HubSpot no longer accepts this one', async () => {
    await add();
    expect((await world.apiRequest('GET', CONTACT)).status).toBe(200);
    const next = await made();
    const refused = await world.apiRequest('GET', CONTACT);
    const { error } = refused.body;
    expect([refused.status, error.code]).toEqual([409, 'install_needs_reconnect']);
    expect(error.message).toContain(`installs add ${PORTAL}`);
    expect(error.message).not.toContain('/install.');
    expect(await stored()).toMatchObject({ state: 'needs_reconnect', access_token: null });
    const asked = (await requests('/crm/*')).length;
    expect((await world.apiRequest('GET', CONTACT)).status).toBe(409);
    const timeline = await world.apiRequest('PUT', `/hubid/${PORTAL}/timeline/jane@example.com`, {});
    expect(timeline.text).toContain(`installs add ${PORTAL}`);
    expect(await requests('/crm/*')).toHaveLength(asked);
    await add(next);
    expect((await world.apiRequest('GET', CONTACT)).status).toBe(200);
    await until('the handlers of both ends', () => handled.length === 3);
    expect(handled).toEqual(['installed', 'uninstalled', 'installed']);
    const history = await service().history(PORTAL);
    expect(history.slice(-3).map(({ toState, reason }) => `${toState} (${reason})`)).toEqual([
      'active (access token added)',
      'needs_reconnect (HubSpot no longer accepts the access token)',
      'active (access token added)',
    ]);
  });

  it('continues after a 401 when HubSpot says that the token is valid', async () => {
    await add();
    await failing({ path: '/crm/*', status: 401 });
    expect((await world.apiRequest('GET', CONTACT)).status).toBe(200);
    expect(await stored()).toMatchObject({ state: 'active' });
  });

  it('keeps its token when HubSpot does not say whether it is valid after a 401', async () => {
    await add();
    await failing({ path: '/crm/*', status: 401 });
    await failing({ path: INFO, status: 503 });
    expect((await world.apiRequest('GET', CONTACT)).status).toBe(503);
    expect((await world.apiRequest('GET', CONTACT)).status).toBe(200);
  });

  it('ends once, however many calls receive a 401 at once', async () => {
    await add();
    await world.sandbox.control('private-app', { portalId: PORTAL, deleted: true });
    const before = (await requests(INFO)).length;
    const answers = await Promise.all(Array.from({ length: 5 }, () => world.apiRequest('GET', CONTACT)));
    expect(answers.map(({ status }) => status)).toEqual([409, 409, 409, 409, 409]);
    expect((await requests(INFO)).length).toBeLessThanOrEqual(before + 2);
  });

  it('stays the same install with another token, which other processes read after a 401', async () => {
    await add();
    const { installId } = await service().status(PORTAL);
    const other = createContext(world.ctx.config, world.ctx.logger);
    await other.hubspotFor(PORTAL).contacts.get('101');
    await add();
    expect(await other.hubspotFor(PORTAL).contacts.get('101')).toMatchObject({ id: '101' });
    await other.close();
    expect((await service().status(PORTAL)).installId).toBe(installId);
  });

  it('has nothing to refresh and no link for a customer', async () => {
    await add();
    for (const command of ['refresh', 'reconnect-link']) {
      const { problem } = await cli(command, `${PORTAL}`);
      expect(problem?.message).toContain(`installs add ${PORTAL}`);
    }
  });

  it('is disconnected on this server only, and the command says so', async () => {
    const token = await made();
    await add(token);
    const { problem } = await cli('disconnect', `${PORTAL}`);
    expect(problem?.message).toMatch(/^This deletes the access token of portal 62515\. Nothing was done/);
    const before = (await requests('*')).length;
    const { output } = await cli('disconnect', `${PORTAL}`, '--yes');
    expect(output).toContain('Its access token still works at HubSpot: rotate or delete it there.');
    expect(await requests('*')).toHaveLength(before);
    expect(await stored()).toMatchObject({ state: 'uninstalled', access_token: null });
    expect((await world.apiRequest('GET', CONTACT)).status).toBe(404);
    expect(await world.json('DELETE', `/hubid/${PORTAL}`)).toMatchObject({ hubspotTold: false });
  });

  it('can be connected by a consent afterwards, which replaces the token', async () => {
    await add();
    expect((await world.install(PORTAL)).status).toBe(200);
    expect(await stored()).toMatchObject({ kind: 'oauth', refresh_token: expect.any(String) });
    expect((await world.apiRequest('GET', CONTACT)).status).toBe(200);
    expect(await world.json('DELETE', `/hubid/${PORTAL}`)).toMatchObject({ hubspotTold: true });
    await add();
    expect(await stored()).toMatchObject({ kind: 'access_token', refresh_token: null });
  });
});

describe('an access token in the store', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());

  it('is re-encrypted with the newest key', async () => {
    const { accessToken } = await world.sandbox.control('private-app', { portalId: PORTAL });
    await world.ctx.services.installs.addAccessToken(PORTAL, accessToken);
    const newest = parseKeyRing(`newest:${randomBytes(32).toString('base64url')}`);
    const tokenKeys = [...newest, ...world.ctx.config.tokenKeys];
    const ctx = createContext({ ...world.ctx.config, tokenKeys }, world.ctx.logger);
    await ctx.services.keys.check();
    expect(await ctx.services.keys.rotate(() => {})).toMatchObject({ written: 1, unreadable: [] });
    expect([...(await ctx.services.keys.use())]).toEqual([['newest', 1]]);
    expect(await ctx.hubspotFor(PORTAL).contacts.get('101')).toMatchObject({ id: '101' });
    await ctx.services.keys.checkAtStart();
    await ctx.close();
  });
});

describe('a secret that is typed at a terminal', () => {
  const terminal = () => {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const output = new PassThrough();
    const read = createReadSecret({ input, output })('Token');
    return { input, read, shown: () => String(output.read() ?? '') };
  };

  it('is read up to the end of its line and not shown', async () => {
    const { input, read, shown } = terminal();
    input.write('pat-na1-typed\r');
    expect(await read).toBe('pat-na1-typed');
    expect(shown()).toBe('Token: \n');
  });

  it('is empty when the terminal is closed', async () => {
    const { input, read } = terminal();
    input.end();
    expect(await read).toBe('');
  });
});
