import { Agent, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startSandbox } from '../../../sandbox/index.ts';
import { signatureHeaders } from '../../../sandbox/webhooks/sign.ts';
import { hubspotCommand, hubspotJson } from '../../cli/hubspot-command.ts';
import { createDatabase } from '../../helpers/database.ts';
import { freePort, startProcess } from '../../helpers/processes.ts';
import { createSandboxClient } from '../../helpers/sandbox-client.ts';
import { testSettings } from '../../helpers/settings.ts';
import { unlessBusy, until } from '../../helpers/until.ts';
import { PROJECT } from '../../helpers/vendor.ts';
import { startWorld, type World } from '../../helpers/world.ts';

const EVENT = { subscriptionType: 'contact.propertyChange', portalId: 62515, objectId: 101 };
const UNAUTHORIZED = { error: { code: 'unauthorized', message: 'This request is not authorised.' } };
const SECRET = 'sandbox-client-secret';
const BODY = JSON.stringify([{ ...EVENT, propertyValue: 'jane@example.com' }]);

describe('a rejected request', () => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.close());

  const rejected = async () =>
    (await world.ctx.pool.query('select * from webhook_refusals order by id')).rows;
  const recorded = (count: number) =>
    until(`${count} rejected requests`, async () => {
      const rows = await rejected();
      return rows.length >= count && rows;
    });
  const forged = (path = '/webhook') =>
    world.app(path, { method: 'POST', body: BODY, headers: { 'X-HubSpot-Signature-v3': 'forged' } });

  it('is stored without its body and query, and its answer gives no reason', async () => {
    const answer = await forged('/webhook?email=jane@example.com');
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject(UNAUTHORIZED);
    const [row, ...others] = await recorded(1);
    expect(others).toEqual([]);
    expect(row).toMatchObject({
      method: 'POST',
      path: '/webhook',
      reason: 'timestamp_malformed',
      setting: null,
      finding: expect.stringContaining('Nothing that this server knows'),
      body_bytes: BODY.length,
    });
    expect(JSON.stringify(row)).not.toContain('jane');
  });

  it.each([
    ['larger than is taken', 413, 'body_too_large', { body: Buffer.alloc(8_400_000) }],
    ['compressed', 415, 'unsupported_encoding', { body: BODY, headers: { 'content-encoding': 'gzip' } }],
  ] as const)('is stored without a setting when its body is %s', async (_what, status, reason, sent) => {
    const headers = { 'X-HubSpot-Signature-v3': 'any', ...('headers' in sent && sent.headers) };
    const answer = await world.app('/webhook', { method: 'POST', body: sent.body, headers });
    expect(answer.status).toBe(status);
    expect(await recorded(1)).toMatchObject([
      {
        path: '/webhook',
        reason,
        setting: null,
        finding: expect.stringContaining('signature was not checked'),
      },
    ]);
  });

  it('is answered without delay while the database is blocked', async () => {
    const operator = await world.ctx.pool.connect();
    await operator.query('begin');
    await operator.query('lock table webhook_refusals in access exclusive mode');
    const answers = await Promise.all(Array.from({ length: 30 }, () => forged()));
    expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(401));
    expect(await signed()).toBe(204);
    await operator.query('rollback');
    operator.release();
    await recorded(10);
  });

  it('does not delay signed requests or fill the database when thousands arrive', async () => {
    const began = performance.now();
    const agent = new Agent({ keepAlive: true, maxSockets: 20 });
    const flood = Promise.all(
      Array.from({ length: 2_000 }, (_, index) =>
        post(agent, index % 2 ? { 'x-hubspot-signature': 'f' } : {}),
      ),
    );
    for (let round = 0; round < 20; round += 1) expect(await signed()).toBe(204);
    expect(new Set(await flood)).toEqual(new Set([401]));
    agent.destroy();
    const seconds = Math.ceil((performance.now() - began) / 1000);
    const rows = await recorded(10);
    expect(rows.length).toBeLessThanOrEqual(10 + seconds);
  });

  it('is evicted by newer ones over the limit, but forged requests do not evict those with a setting to change', async () => {
    expect(await signed({ url: 'http://public.example' })).toBe(401);
    await recorded(1);
    const [first] = await rejected();
    await world.ctx.pool.query(
      `insert into webhook_refusals (method, path, reason, finding, body_bytes)
       select 'POST', '/webhook', 'mismatch', 'before', 1 from generate_series(1, 700)`,
    );
    await forged();
    const kept = await until('the last to be kept', async () => {
      const rows = await rejected();
      return rows.at(-1)?.finding !== 'before' && rows;
    });
    expect(kept).toHaveLength(501);
    expect(kept[0]).toEqual(first);
    expect(first).toMatchObject({ setting: 'SERVER_URL' });
    const listed = await hubspotJson(world.settings, 'webhooks', 'refused');
    expect(listed.map(({ times }: { times: number }) => times)).toEqual([1, 499, 1]);
  });

  it('is listed once for equal requests, with the problem and the setting to change', async () => {
    for (let times = 0; times < 3; times += 1)
      expect(await signed({ url: 'http://public.example' })).toBe(401);
    await recorded(3);
    const { code, output } = await hubspotCommand(world.settings, 'webhooks', 'refused');
    expect(code).toBe(0);
    expect(output).toMatch(
      /3 +POST +\/webhook +mismatch +SERVER_URL +HubSpot signs http:\/\/public\.example/,
    );
    expect(output).toContain(`SERVER_URL is ${world.serverUrl}. Set it to http://public.example.`);
    expect(output.trimEnd().split('\n')).toHaveLength(2);
  });

  it('shows by how much a clock is wrong', async () => {
    expect(await signed({ age: 20 * 60_000 })).toBe(401);
    const [row] = await recorded(1);
    expect(row).toMatchObject({ reason: 'timestamp_out_of_range', setting: 'clock of this server' });
    expect(row.finding).toMatch(/but 20 min \d+ s old/);
  });

  it('is stored when it comes from a card', async () => {
    const target = '/webhook?appId=193354&portalId=62515&userId=7';
    const headers = signatureHeaders(['v3'], {
      clientSecret: SECRET,
      method: 'POST',
      url: world.serverUrl + target,
      body: BODY,
      timestamp: Date.now(),
    });
    expect((await world.app(target, { method: 'POST', body: BODY, headers })).status).toBe(400);
    const [row] = await recorded(1);
    expect(row).toMatchObject({
      path: '/webhook',
      reason: 'not_as_hubspot_sends',
      setting: null,
      finding: expect.stringContaining('The signature is valid, but the request is not a delivery'),
    });
  });

  /** A delivery signed as HubSpot's, for the address of the world unless for another one. */
  function signed({ url = world.serverUrl, host = new URL(url).host, age = 0 } = {}): Promise<number> {
    const headers = signatureHeaders(['v1', 'v3'], {
      clientSecret: SECRET,
      method: 'POST',
      url: `${url}/webhook`,
      body: BODY,
      timestamp: Date.now() - age,
    });
    return post(new Agent(), { ...headers, host });
  }

  function post(agent: Agent, headers: Record<string, string>): Promise<number> {
    return new Promise((resolve, reject) => {
      request(`${world.serverUrl}/webhook`, { method: 'POST', headers, agent }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      })
        .on('error', reject)
        .end(BODY);
    });
  }
});

describe('the accepted signature versions', () => {
  it('are configured for each route', async () => {
    const world = await startWorld({
      settings: {
        WEBHOOK_SIGNATURE_VERSIONS: 'v3',
        CARD_SIGNATURE_VERSIONS: 'v3',
        EVENT_DETAILS_SIGNATURE_VERSIONS: 'v3,v2',
      },
    });
    try {
      const send = async (signature: string) =>
        (await world.sandbox.control('webhooks', { events: [EVENT], signature })).deliveries[0].status;
      expect([await send('v3'), await send('v2'), await send('v1')]).toEqual([204, 401, 401]);
      const path = '/crm-extension?portalId=62515&associatedObjectId=101&associatedObjectType=CONTACT';
      const statusOf = async (path: string) => {
        const signed = signatureHeaders(['v2'], {
          clientSecret: SECRET,
          method: 'GET',
          body: '',
          timestamp: Date.now(),
          url: world.serverUrl + path,
        });
        return (await world.app(path, { headers: signed })).status;
      };
      expect(await statusOf(path)).toBe(401);
      expect(await statusOf('/events/day-1?appId=193354&externalAccountId=acct')).toBe(404);
      await until('three rejected requests', async () => {
        const kinds = await hubspotJson(world.settings, 'webhooks', 'refused');
        return kinds.length === 3 && kinds;
      });
      const { output } = await hubspotCommand(world.settings, 'webhooks', 'refused');
      expect(output).toContain('Add v1 to WEBHOOK_SIGNATURE_VERSIONS.');
      expect(output).toContain('Add v2 to WEBHOOK_SIGNATURE_VERSIONS.');
      expect(output).toContain('Add v2 to CARD_SIGNATURE_VERSIONS.');
    } finally {
      await world.close();
    }
  });
});

describe('a client secret that was removed too early', () => {
  it('is stored encrypted and named as the missing secret', async () => {
    const database = await createDatabase();
    const port = await freePort();
    const serverUrl = `http://localhost:${port}`;
    const sandbox = await startSandbox({ port: 0, serverUrl, projectFolder: PROJECT });
    const hubspot = createSandboxClient(sandbox.url);
    const before = testSettings({ databaseUrl: database.url, serverUrl, sandboxUrl: sandbox.url });
    const after = { ...before, HUBSPOT_CLIENT_SECRET: 'the-new-client-secret' };
    const both = { ...before, HUBSPOT_CLIENT_SECRET: `the-new-client-secret, ${SECRET}` };
    try {
      for (const [settings, status] of [
        [before, 204],
        [after, 401],
        [both, 204],
      ] as const) {
        const web = await startProcess('app/server.ts', settings);
        const delivery = await unlessBusy(
          async () => (await hubspot.control('webhooks', { events: [EVENT] })).deliveries[0],
        );
        expect(delivery).toMatchObject({ status });
        if (status === 401) {
          const [refused] = await until('the rejected request', async () => {
            const kinds = await hubspotJson(settings, 'webhooks', 'refused');
            return kinds.length === 1 && kinds;
          });
          expect(refused).toMatchObject({ setting: 'HUBSPOT_CLIENT_SECRET', times: 1 });
          expect(JSON.stringify(refused)).not.toContain(SECRET);
        }
        expect(await web.kill()).toEqual({ code: 0, signal: null });
      }

      const oldKey = before.TOKEN_KEYS;
      const newKey = `newer:${Buffer.alloc(32, 9).toString('base64url')}`;
      const rotated = await hubspotJson({ ...both, TOKEN_KEYS: `${newKey},${oldKey}` }, 'keys', 'rotate');
      expect(rotated).toMatchObject({ retired: ['test'] });
      const web = await startProcess('app/server.ts', { ...after, TOKEN_KEYS: newKey });
      await hubspot.control('webhooks', { events: [EVENT] });
      await until('the second rejected request', async () => {
        const [kind] = await hubspotJson({ ...after, TOKEN_KEYS: newKey }, 'webhooks', 'refused');
        return kind.times === 2 && kind.setting === 'HUBSPOT_CLIENT_SECRET';
      });
      await web.kill();
    } finally {
      await sandbox.close();
      await database.drop();
    }
  });
});
