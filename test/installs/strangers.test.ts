import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sealState } from '../../app/installs/oauth-state.ts';
import { oauthStatesStore } from '../../app/installs/states-store.ts';
import { expectError } from '../helpers/expect-error.ts';
import { createMemoryLog } from '../helpers/memory-log.ts';
import { startWorld, type World } from '../helpers/world.ts';

const MINUTE = 60_000;

describe('the install routes', () => {
  let world: World;
  let ahead = 0;
  beforeAll(async () => {
    world = await startWorld({
      clock: { now: () => Date.now() + ahead },
      failedExchangesPerMinute: 3,
    });
  });
  beforeEach(() => {
    ahead += 2 * MINUTE;
  });
  afterAll(() => world.close());

  const exchanges = async () => (await world.sandbox.read('requests?path=/oauth/*/token')).results.length;
  const madeUp = async () =>
    world.request('GET', '/oauth-callback?code=x&returnUrl=https://app.hubspot.com/');
  const begin = async () => (await world.request('GET', '/install')).get('location') ?? '';

  async function rows() {
    const { rows } = await world.ctx.pool.query(
      'select (select count(*) from oauth_states) as states, (select count(*) from installs) as installs',
    );
    return rows[0];
  }

  it('start any number of installs without storing anything', async () => {
    const before = await rows();
    const begun = await Promise.all(Array.from({ length: 50 }, () => world.request('GET', '/install')));
    const bare = await Promise.all(Array.from({ length: 50 }, () => world.request('GET', '/oauth-callback')));
    expect(new Set([...begun, ...bare].map(({ status }) => status))).toEqual(new Set([302]));
    expect(await rows()).toEqual(before);
  });

  it('send few made-up codes to HubSpot, store nothing, and recover after a minute', async () => {
    const before = [await exchanges(), await rows()];
    const answers = await Promise.all(Array.from({ length: 20 }, madeUp));
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(3);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(17);
    expect(refused[0]?.get('retry-after')).toBe('60');
    await expectError(await madeUp(), 429, 'too_many_failed_installs');
    expect([await exchanges(), await rows()]).toEqual([Number(before[0]) + 3, before[1]]);

    ahead += MINUTE;
    const { url } = await world.sandbox.control('marketplace', { portalId: 62515 });
    expect((await world.request('GET', url.slice(world.serverUrl.length))).status).toBe(302);
  });

  it('do not block installs from our own link, and codes that were not exchanged stay valid', async () => {
    await Promise.all(Array.from({ length: 5 }, madeUp));
    const { url } = await world.sandbox.control('marketplace', { portalId: 62516 });
    const path = url.slice(world.serverUrl.length);
    expect((await world.request('GET', path)).status).toBe(429);
    expect((await world.install()).status).toBe(200);
    ahead += MINUTE;
    expect((await world.request('GET', path)).status).toBe(302);
  });

  it('do not exchange many codes for one state', async () => {
    const state = new URL(await begin()).searchParams.get('state');
    const before = await exchanges();
    const statuses = [];
    for (let index = 0; index < 6; index += 1)
      statuses.push(
        (await world.request('GET', `/oauth-callback?code=made-up-${index}&state=${state}`)).status,
      );
    expect(statuses).toEqual([400, 400, 400, 429, 429, 429]);
    expect(await exchanges()).toBe(before + 3);
  });

  it('exchange no code for a HEAD request', async () => {
    const callback = await world.sandbox.decide(await begin(), 'approve', 62516);
    const path = callback.slice(world.serverUrl.length);
    for (const address of [path, '/install', '/oauth-callback']) {
      const { status, headers } = await world.app(address, { method: 'HEAD' });
      expect([status, headers.get('allow')]).toEqual([405, 'GET']);
    }
    expect((await world.request('GET', path)).status).toBe(200);
  });
});

it('expired states are deleted page by page', async () => {
  const world = await startWorld();
  try {
    await world.ctx.pool.query(
      `insert into oauth_states (state_hash, expires_at)
       select sha256(n::text::bytea), now() - interval '2 days' from generate_series(1, 3) n
       union all select 'living', now() + interval '1 minute'`,
    );
    const prune = () => oauthStatesStore.prune(world.ctx.pool, new Date(Date.now() - 24 * 60 * MINUTE), 2);
    expect([await prune(), await prune(), await prune()]).toEqual([2, 1, 0]);
    const { rows } = await world.ctx.pool.query('select count(*) from oauth_states');
    expect(rows).toEqual([{ count: 1 }]);
  } finally {
    await world.close();
  }
});

describe('the limit for one address', () => {
  const LIMIT = 5;
  const BEHIND_A_PROXY = { SERVER_URL: 'https://app.example.com' };
  const REDIRECT = { redirectUrls: ['https://app.example.com/oauth-callback'] };

  async function statuses(world: World, path: string, headers: (index: number) => Record<string, string>) {
    const answers = [];
    for (let index = 0; index < LIMIT + 2; index += 1)
      answers.push(await world.request('GET', path).set(headers(index)));
    return answers;
  }

  it('counts all install routes together, and returns Retry-After', async () => {
    const world = await startWorld({ settings: { INSTALL_RATE_LIMIT: String(LIMIT) } });
    try {
      const answers = await statuses(world, '/install', () => ({}));
      expect(answers.map(({ status }) => status)).toEqual([302, 302, 302, 302, 302, 429, 429]);
      expect((await world.request('POST', '/partner-sign-in')).status).toBe(429);
      const refused = await world.request('GET', '/oauth-callback');
      expect(Number(refused.get('retry-after'))).toBeGreaterThan(0);
      await expectError(refused, 429, 'too_many_requests');
      const page = await world.request('GET', '/install').set('accept', 'text/html');
      expect(page.text).toContain('<h1>Please wait a minute</h1>');
      expect((await world.request('GET', '/healthz')).status).toBe(200);
    } finally {
      await world.close();
    }
  });

  it('is lower for failed exchanges, and addresses without a failure are still served', async () => {
    const { logger, lines } = createMemoryLog();
    const world = await startWorld({
      logger,
      failedExchangesPerMinute: 5,
      settings: { ...BEHIND_A_PROXY, INSTALL_RATE_LIMIT: '18' },
    });
    try {
      await world.sandbox.setApp(REDIRECT);
      const from = (address: number) => ({ 'x-forwarded-for': `192.0.2.${address}` });
      const state = () => sealState(world.ctx.config.sessionSecret, Date.now() + MINUTE);
      const madeUp = async (address: number) =>
        (await world.request('GET', `/oauth-callback?code=x&state=${state()}`).set(from(address))).status;

      const statuses: number[][] = [];
      for (const address of [1, 2, 3]) {
        statuses.push([]);
        for (let index = 0; index < 4; index += 1) statuses.at(-1)?.push(await madeUp(address));
      }
      expect(statuses).toEqual([
        [400, 400, 400, 429],
        [400, 400, 429, 429],
        [400, 429, 429, 429],
      ]);
      const authorizeUrl = (await world.request('GET', '/install').set(from(4))).get('location') ?? '';
      const callback = new URL(await world.sandbox.decide(authorizeUrl, 'approve', 62515));
      expect((await world.request('GET', callback.pathname + callback.search).set(from(4))).status).toBe(200);

      const reasons = lines.filter(({ code }) => code === 'too_many_failed_installs');
      expect(reasons).toHaveLength(6);
      for (const { reason } of reasons) expect(reason).toContain('INSTALL_RATE_LIMIT');
    } finally {
      await world.close();
    }
  });

  it('blocks every address for a minute when ten times as many fail from new addresses', async () => {
    const world = await startWorld({
      failedExchangesPerMinute: 1,
      settings: { ...BEHIND_A_PROXY, INSTALL_RATE_LIMIT: '18' },
    });
    try {
      const statuses = [];
      for (let address = 1; address <= 12; address += 1) {
        const path = '/oauth-callback?code=x&returnUrl=https://app.hubspot.com/';
        const headers = { 'x-forwarded-for': `192.0.2.${address}` };
        statuses.push((await world.request('GET', path).set(headers)).status);
      }
      expect(statuses).toEqual([...Array(10).fill(400), 429, 429]);
    } finally {
      await world.close();
    }
  });

  it('does not count slow exchanges', async () => {
    const world = await startWorld({
      failedExchangesPerMinute: 5,
      settings: { ...BEHIND_A_PROXY, INSTALL_RATE_LIMIT: '6' },
    });
    try {
      await world.sandbox.setApp(REDIRECT);
      const callbacks = [];
      for (const portalId of [62515, 62516]) {
        const { url } = await world.sandbox.control('marketplace', { portalId });
        callbacks.push(new URL(url));
      }
      const headers = { 'x-forwarded-for': '192.0.2.1' };
      await world.sandbox.control('failures', { path: '/oauth/*/token', delayMs: 300, times: 2 });
      const answers = await Promise.all(
        callbacks.map(({ pathname, search }) => world.request('GET', pathname + search).set(headers)),
      );
      expect(answers.map(({ status }) => status)).toEqual([302, 302]);
    } finally {
      await world.close();
    }
  });

  it('ignores X-Forwarded-For without a proxy', async () => {
    const world = await startWorld({ settings: { INSTALL_RATE_LIMIT: String(LIMIT) } });
    try {
      const answers = await statuses(world, '/install', (index) => ({
        'x-forwarded-for': `10.0.0.${index}`,
      }));
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(2);
    } finally {
      await world.close();
    }
  });

  it('uses the last entry of X-Forwarded-For, which the proxy adds, when SERVER_URL is https', async () => {
    const world = await startWorld({
      settings: { ...BEHIND_A_PROXY, INSTALL_RATE_LIMIT: String(LIMIT) },
    });
    try {
      const made = await statuses(world, '/install', (index) => ({
        'x-forwarded-for': `10.0.0.${index}, 192.0.2.1`,
      }));
      expect(made.filter(({ status }) => status === 429)).toHaveLength(2);
      const others = await statuses(world, '/install', (index) => ({
        'x-forwarded-for': `192.0.2.${index + 2}`,
      }));
      expect(others.filter(({ status }) => status === 429)).toHaveLength(0);
      // A customer's network, not one of its addresses.
      const network = await statuses(world, '/install', (index) => ({
        'x-forwarded-for': `2001:db8::${index}`,
      }));
      expect(network.filter(({ status }) => status === 429)).toHaveLength(2);
    } finally {
      await world.close();
    }
  });
});

it('an install of another app than HUBSPOT_APP_ID is stored with its own id and logged', async () => {
  const { logger, lines } = createMemoryLog();
  const world = await startWorld({ logger, settings: { HUBSPOT_APP_ID: '4711' } });
  try {
    expect((await world.install()).status).toBe(200);
    const wrong = lines.filter(({ msg }) => msg.startsWith('HUBSPOT_APP_ID is not the app'));
    expect(wrong).toMatchObject([{ level: 50, appId: 193354 }]);
  } finally {
    await world.close();
  }
});
