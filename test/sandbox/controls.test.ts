import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startSandbox } from '../../sandbox/index.ts';
import { until } from '../helpers/until.ts';
import { type Answer, type Hubspot, startHubspot } from './hubspot.ts';

let hubspot: Hubspot;
beforeAll(async () => {
  hubspot = await startHubspot();
});
afterAll(() => hubspot.close());
beforeEach(() => hubspot.control('/reset', {}));

const contacts = '/crm/objects/2026-09/contacts';

describe('planned failures', () => {
  it('affect the next matching requests only', async () => {
    const { access } = await hubspot.install();
    const api = hubspot.api(access);
    const body = { status: 'error', policyName: 'TEN_SECONDLY_ROLLING' };
    const failure = {
      method: 'get',
      path: `${contacts}/*`,
      status: 429,
      headers: { 'Retry-After': '1' },
      body,
      times: 2,
    };
    await hubspot.control('/failures', failure);
    expect((await api('GET', contacts)).status).toBe(200);
    expect((await api('PATCH', `${contacts}/101`, { properties: {} })).status).toBe(200);
    const failed = await api('GET', `${contacts}/101`);
    expect([failed.status, failed.headers.get('retry-after'), failed.body]).toEqual([429, '1', body]);
    expect((await api('GET', `${contacts}/102`)).status).toBe(429);
    expect((await api('GET', `${contacts}/101`)).status).toBe(200);
  });

  it('respond with HTML when the body is HTML', async () => {
    await hubspot.control('/failures', {
      path: '/oauth/2026-03/token',
      status: 502,
      body: '<html>Bad gateway</html>',
    });
    const { status, headers, body } = await hubspot.token({});
    expect([status, body]).toEqual([502, '<html>Bad gateway</html>']);
    expect(headers.get('content-type')).toContain('text/html');
  });

  it('close the connection with status 0', async () => {
    await hubspot.control('/failures', { method: 'POST', path: '*', status: 0, delayMs: 5 });
    await expect(hubspot.token({})).rejects.toThrow();
    const { results } = (await hubspot.control('/requests')).body;
    expect(results).toMatchObject([{ path: '/oauth/2026-03/token', status: 0 }]);
  });

  it('can lose the response of a processed request', async () => {
    const api = hubspot.api((await hubspot.install()).access);
    await hubspot.control('/failures', { method: 'POST', path: contacts, status: 504, afterwards: true });
    expect((await api('POST', contacts, { properties: { email: 'lost@example.com' } })).status).toBe(504);
    expect((await api('GET', `${contacts}/lost@example.com?idProperty=email`)).status).toBe(200);
  });

  it('are removed by a reset', async () => {
    await hubspot.control('/failures', { path: '*', status: 500, times: 99 });
    await hubspot.control('/reset', {});
    expect((await hubspot.token({})).status).toBe(400);
  });
});

describe('the request log', () => {
  it('contains the app’s requests with truncated secrets', async () => {
    const { access } = await hubspot.install();
    await hubspot.api(access)('GET', `${contacts}?limit=1`);
    const { results } = (await hubspot.control('/requests')).body;
    expect(results).toMatchObject([
      {
        method: 'POST',
        path: '/oauth/2026-03/token',
        body: { client_id: 'sandbox-client-id', client_secret: '***cret', grant_type: 'authorization_code' },
        status: 200,
      },
      { method: 'GET', path: contacts, query: { limit: '1' }, status: 200 },
    ]);
    expect(results[0].body.code).toMatch(/^\*{3}.{4}$/);
    expect(results[1].headers.authorization).toBe(`***${access.slice(-4)}`);
    expect(JSON.stringify(results)).not.toContain('sbx-at-');
  });

  it('is filtered by path', async () => {
    const { access } = await hubspot.install();
    await hubspot.api(access)('GET', `${contacts}/101`);
    const paths = async (path: string) =>
      (await hubspot.control(`/requests?path=${path}`)).body.results.map(
        (entry: { path: string }) => entry.path,
      );
    expect(await paths('/crm/*')).toEqual([`${contacts}/101`]);
    expect(await paths('/oauth/2026-03/token')).toHaveLength(1);
    expect(await paths('/oauth')).toEqual([]);
  });
});

/**
 * Calls until one is over the limit, however slow the machine is.
 * @returns the answer of that call.
 */
async function overLimit(
  call: () => Promise<Answer>,
  { most, windowMs, already = 0 }: { most: number; windowMs: number; already?: number },
): Promise<Answer> {
  const begun = performance.now();
  let passed = already;
  const limited = await until('a 429', async () => {
    const answers = await Promise.all(Array.from({ length: most + 1 }, call));
    passed += answers.filter(({ status }) => status === 200).length;
    return answers.find(({ status }) => status === 429);
  });
  const windows = Math.floor((performance.now() - begun) / windowMs) + 1;
  expect(passed).toBeGreaterThanOrEqual(most);
  expect(passed).toBeLessThanOrEqual(most * windows + already);
  return limited;
}

describe('rate limits', () => {
  it('allow 110 requests in ten seconds per portal', async () => {
    const api = hubspot.api((await hubspot.install(62515)).access);
    const other = hubspot.api((await hubspot.install(62516)).access);
    const first = await api('GET', `${contacts}/101`);
    expect(first.headers.get('x-hubspot-ratelimit-max')).toBe('110');
    expect(first.headers.get('x-hubspot-ratelimit-remaining')).toBe('109');
    expect(first.headers.get('x-hubspot-ratelimit-interval-milliseconds')).toBe('10000');
    const limited = await overLimit(() => api('GET', `${contacts}/101`), {
      most: 110,
      windowMs: 10_000,
      already: 1,
    });
    expect(limited.body).toMatchObject({
      status: 'error',
      message: 'You have reached your ten_secondly_rolling limit.',
      errorType: 'RATE_LIMIT',
      policyName: 'TEN_SECONDLY_ROLLING',
    });
    expect((await other('GET', `${contacts}/201`)).status).toBe(200);
  });

  it('allow five searches per second, without headers', async () => {
    const api = hubspot.api((await hubspot.install()).access);
    const limited = await overLimit(() => api('POST', `${contacts}/search`, {}), {
      most: 5,
      windowMs: 1_000,
    });
    expect(limited.body.policyName).toBe('SECONDLY');
    expect(limited.headers.has('x-hubspot-ratelimit-max')).toBe(false);
  });

  it('are set and removed by a control', async () => {
    const api = hubspot.api((await hubspot.install()).access);
    await hubspot.call('PUT', '/_sandbox/app', { rateLimit: 0, searchRateLimit: 0 });
    expect((await api('GET', contacts)).status).toBe(429);
    expect((await api('POST', `${contacts}/search`, {})).status).toBe(429);
    await hubspot.call('PUT', '/_sandbox/app', { rateLimit: null, searchRateLimit: null });
    expect((await api('GET', contacts)).status).toBe(200);
    await hubspot.control('/reset', {});
    expect((await hubspot.control('/app')).body).toMatchObject({ rateLimit: 110, searchRateLimit: 5 });
  });
});

describe('the app’s settings', () => {
  it('come from the project folder', async () => {
    const { body } = await hubspot.control('/app');
    expect(body).toMatchObject({
      appId: 193354,
      clientId: 'sandbox-client-id',
      requiredScopes: ['oauth', 'crm.objects.contacts.read', 'crm.objects.contacts.write', 'timeline'],
      projectName: 'hubspot-public-app',
      eventTypes: [{ uid: 'app-activity', fullyQualifiedName: 'ae193354_app-activity' }],
    });
  });

  it('follow the server’s URL and survive a reset', async () => {
    await hubspot.call('PUT', '/_sandbox/app', { serverUrl: 'http://localhost:4000/' });
    await hubspot.control('/reset', {});
    expect((await hubspot.control('/app')).body).toMatchObject({
      serverUrl: 'http://localhost:4000',
      redirectUrls: ['http://localhost:4000/oauth-callback'],
      webhookTargetUrl: 'http://localhost:4000/webhook',
      cardUrl: 'http://localhost:4000/crm-extension',
      eventDetailsUrl: 'http://localhost:4000/events/%s',
    });
    await hubspot.call('PUT', '/_sandbox/app', { serverUrl: 'http://localhost:9' });
  });
});

describe('controls', () => {
  it.each([
    ['POST', '/clock', { advanceMinutes: 1 }, 'advanceSeconds'],
    ['POST', '/failures', { status: 500 }, 'path'],
    ['POST', '/webhooks', { events: [] }, 'events'],
    ['POST', '/webhooks', { events: [{}], signature: 'v9' }, 'signature'],
    ['POST', '/uninstall', { portalId: 'x' }, 'portalId'],
    ['PUT', '/app', { serverUrl: 'nowhere' }, 'serverUrl'],
    ['GET', '/timeline', undefined, 'portalId'],
  ])('report the problem with %s %s %j', async (method, path, body, field) => {
    const answer = await hubspot.call(method, `/_sandbox${path}`, body);
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toContain(field);
  });

  it('respond with 404 when they do not exist', async () => {
    expect((await hubspot.control('/magic', {})).status).toBe(404);
  });

  it('reset to the seed data', async () => {
    const { access } = await hubspot.install();
    await hubspot.api(access)('DELETE', `${contacts}/101`);
    await hubspot.control('/reset', {});
    expect((await hubspot.api(access)('GET', contacts)).status).toBe(401);
    const again = hubspot.api((await hubspot.install()).access);
    expect((await again('GET', `${contacts}/101`)).status).toBe(200);
  });
});

describe('startSandbox', () => {
  it('answers on localhost and on 127.0.0.1', async () => {
    expect(hubspot.url).toMatch(/^http:\/\/localhost:\d+$/);
    for (const url of [hubspot.url, hubspot.url.replace('localhost', '127.0.0.1')]) {
      expect((await fetch(`${url}/_sandbox/app`)).status).toBe(200);
    }
  });

  it('rejects when the port is taken', async () => {
    const port = Number(new URL(hubspot.url).port);
    await expect(startSandbox({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('does not start in production', async () => {
    const before = process.env.NODE_ENV;
    process.env.NODE_ENV = 'production';
    try {
      await expect(startSandbox({ port: 0 })).rejects.toThrow('NODE_ENV=production');
    } finally {
      process.env.NODE_ENV = before;
    }
  });
});
