import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startWorld, type World } from '../helpers/world.ts';

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const MINUTE = 60 * 1000;
const ATTACK = '"><img src=x onerror=alert(1)><script>alert(2)</script>';

describe('an install', () => {
  let world: World;
  let ahead = 0;
  beforeAll(async () => {
    world = await startWorld({ clock: { now: () => Date.now() + ahead } });
  });
  beforeEach(() => {
    ahead = 0;
  });
  afterAll(() => world.close());

  /** Starts an install; gives HubSpot's authorize URL and the state in it. */
  async function begin() {
    const answer = await world.app('/install', { headers: BROWSER });
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([302, 'no-store']);
    const url = answer.headers.get('location') ?? '';
    return { url, state: new URL(url).searchParams.get('state') ?? '' };
  }

  /** Goes on to HubSpot and approves; gives the callback URL that HubSpot sends the browser to. */
  async function approve(portalId = 62515): Promise<string> {
    return world.sandbox.decide((await begin()).url, 'approve', portalId);
  }

  const open = (url: string) => fetch(url, { redirect: 'manual', headers: BROWSER });
  const callback = (query: Record<string, string>) =>
    `${world.serverUrl}/oauth-callback?${new URLSearchParams(query)}`;

  interface Failure {
    readonly what: string;
    /** Does all but the last step; gives the callback URL that the browser opens. */
    readonly reach: () => Promise<string>;
    readonly status: number;
    readonly heading: string;
  }

  const failures: Failure[] = [
    {
      what: 'that the user declines',
      reach: async () => world.sandbox.decide((await begin()).url, 'deny'),
      status: 403,
      heading: 'The install was declined',
    },
    {
      what: 'that HubSpot ends with an error of its own',
      reach: async () => callback({ error: 'server_error', error_description: ATTACK, ...(await stateOf()) }),
      status: 400,
      heading: 'HubSpot ended the install',
    },
    {
      what: 'that takes more than ten minutes',
      reach: async () => {
        const url = await approve();
        ahead = 10 * MINUTE + 1;
        return url;
      },
      status: 410,
      heading: 'The install took too long',
    },
    {
      what: 'whose state is unknown',
      reach: async () => withQuery(await approve(), 'state', 'made-up-state'),
      status: 400,
      heading: 'This install was not started here',
    },
    {
      what: 'whose state is missing',
      reach: async () => withQuery(await approve(), 'state', undefined),
      status: 400,
      heading: 'This install was not started here',
    },
    {
      what: 'whose state comes twice in one address',
      reach: async () => `${await approve()}&state=made-up-state`,
      status: 400,
      heading: 'This install was not started here',
    },
    {
      what: 'that is opened a second time',
      reach: async () => {
        const url = await approve();
        expect((await open(url)).status).toBe(200);
        return url;
      },
      status: 409,
      heading: 'This install is finished already',
    },
    {
      what: 'whose code was used before',
      reach: async () => {
        const used = new URL(await approve());
        expect((await open(used.href)).status).toBe(200);
        return withQuery(await approve(), 'code', used.searchParams.get('code') ?? '');
      },
      status: 400,
      heading: 'HubSpot does not accept the code',
    },
    {
      what: 'whose code is unknown',
      reach: async () => withQuery(await approve(), 'code', `made-up-code-${ATTACK}`),
      status: 400,
      heading: 'HubSpot does not accept the code',
    },
    {
      what: 'whose code came too late',
      reach: async () => {
        const url = await approve();
        await world.sandbox.control('clock', { advanceSeconds: 301 });
        return url;
      },
      status: 400,
      heading: 'HubSpot does not accept the code',
    },
    {
      what: 'that comes back without a code',
      reach: async () => callback(await stateOf()),
      status: 400,
      heading: 'The install was not finished',
    },
    {
      what: 'that HubSpot is said to have started, but whose way back is elsewhere',
      reach: async () => `${withQuery(await approve(), 'state', undefined)}&returnUrl=https://evil.example/`,
      status: 400,
      heading: 'The way back is not HubSpot’s',
    },
    {
      what: 'while HubSpot does not exchange codes',
      reach: () => failingAt('/oauth/*/token', { status: 500 }),
      status: 502,
      heading: 'HubSpot is not answering',
    },
    {
      what: 'while HubSpot closes the connection',
      reach: () => failingAt('/oauth/*/token', { status: 0 }),
      status: 502,
      heading: 'HubSpot is not answering',
    },
    {
      what: 'while HubSpot answers with a page',
      reach: () => failingAt('/oauth/*/token', { status: 200, body: '<html>Maintenance</html>' }),
      status: 502,
      heading: 'HubSpot is not answering',
    },
    {
      what: 'while HubSpot does not say whose token it is',
      reach: () => failingAt('/oauth/*/introspect', { status: 503 }),
      status: 502,
      heading: 'HubSpot is not answering',
    },
    {
      what: 'whose token HubSpot calls dead at once',
      reach: () => failingAt('/oauth/*/introspect', { status: 200, body: { active: false } }),
      status: 502,
      heading: 'HubSpot’s answer was incomplete',
    },
  ];

  async function stateOf() {
    return { state: (await begin()).state };
  }

  async function failingAt(path: string, failure: Record<string, unknown>): Promise<string> {
    const url = await approve();
    await world.sandbox.control('failures', { path, ...failure });
    return url;
  }

  describe.each(failures)('$what', ({ reach, status, heading }) => {
    it(`ends with ${status}, a page that says so, and a way to start again`, async () => {
      const url = await reach();
      const before = await rows();
      const answer = await open(url);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
      const text = await answer.text();
      expect(text).toContain(`<h1>${heading}</h1>`);
      expect(text).toContain(`<title>${heading}</title>`);
      expect(text).toContain('<a role="button" href="/install">Start again</a>');
      expect(text).toContain(answer.headers.get('x-request-id'));
      expectNothingRepeated(text, url);
      expect(await rows()).toEqual(before);
    });

    it('ends with the same in JSON for a program', async () => {
      const url = await reach();
      const answer = await fetch(url, { redirect: 'manual' });
      const body = (await answer.json()) as { error: { code: string; requestId: string } };
      expect([answer.status, body.error.requestId]).toEqual([status, answer.headers.get('x-request-id')]);
      expectNothingRepeated(JSON.stringify(body), url);
    });
  });

  it('has a heading of its own for each of its ends', () => {
    const expected = new Set(failures.map(({ status, heading }) => `${status} ${heading}`));
    expect(expected.size).toBe(new Set(failures.map(({ heading }) => heading)).size);
    expect(expected.size).toBe(10);
  });

  it('whose callback is opened with nothing at all starts anew', async () => {
    const answer = await open(callback({}));
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/install']);
  });

  it('that is declined does not say so in HubSpot’s words, whatever they are', async () => {
    for (const error of ['access_denied', ATTACK, 'invalid_scope']) {
      const url = callback({ error, error_description: ATTACK, ...(await stateOf()) });
      const text = await (await open(url)).text();
      expectNothingRepeated(text, url);
      expect(text).not.toContain('invalid_scope');
      expect(text).not.toContain('onerror');
    }
  });

  it('that is declined uses its state up', async () => {
    const url = await world.sandbox.decide((await begin()).url, 'deny');
    expect((await open(url)).status).toBe(403);
    expect((await open(url)).status).toBe(409);
  });

  it('that failed at HubSpot can be started again and finished', async () => {
    const failed = await open(await failingAt('/oauth/*/token', { status: 500 }));
    expect(failed.status).toBe(502);
    expect((await open(await approve())).status).toBe(200);
  });

  it('opened twice in the same moment is finished once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const url = await approve();
      const statuses = await Promise.all(
        [open(url), open(url), open(url)].map(async (it) => (await it).status),
      );
      expect(statuses.sort()).toEqual([200, 409, 409]);
    }
  });

  it('does not disturb another one under way in the same browser', async () => {
    const [first, second] = [await begin(), await begin()];
    expect(first.state).not.toBe(second.state);
    const callbacks = [
      await world.sandbox.decide(second.url, 'approve', 62516),
      await world.sandbox.decide(first.url, 'approve', 62515),
    ];
    for (const url of callbacks) {
      const answer = await open(url);
      expect([answer.status, answer.headers.get('set-cookie')]).toEqual([200, null]);
    }
  });

  it('over an earlier one overwrites its tokens and keeps one row', async () => {
    expect((await open(await approve())).status).toBe(200);
    const before = await world.ctx.installs.findWithTokens(world.ctx.pool, 62515);
    expect((await open(await approve())).status).toBe(200);
    const after = await world.ctx.installs.findWithTokens(world.ctx.pool, 62515);
    expect(after?.accessToken).not.toBe(before?.accessToken);
    expect(after?.refreshToken).not.toBe(before?.refreshToken);
    expect(after?.tokenVersion).toBe((before?.tokenVersion ?? 0) + 1);
    const { rows } = await world.ctx.pool.query('select count(*) from installs where portal_id = 62515');
    expect(rows).toEqual([{ count: 1 }]);
  });

  it('over one that was disconnected makes it active again', async () => {
    expect((await open(await approve())).status).toBe(200);
    expect((await world.api('DELETE', '/hubid/62515')).status).toBe(200);
    expect(await (await world.api('GET', '/hubid/62515')).json()).toMatchObject({ state: 'uninstalled' });
    expect((await open(await approve())).status).toBe(200);
    expect(await (await world.api('GET', '/hubid/62515')).json()).toMatchObject({ state: 'active' });
  });

  it('belongs to its portal alone', async () => {
    for (const portalId of [62515, 62516]) expect((await open(await approve(portalId))).status).toBe(200);
    const seen = await Promise.all(
      ['62515', '62516'].map(async (portalId) => {
        const answer = await world.api('GET', `/hubid/${portalId}/contact/taro.yamada@example.com`);
        return answer.status;
      }),
    );
    expect(seen).toEqual([200, 404]);
    expect((await world.api('DELETE', '/hubid/62516')).status).toBe(200);
    expect((await world.api('GET', '/hubid/62515/contact/taro.yamada@example.com')).status).toBe(200);
  });

  async function rows() {
    const { rows } = await world.ctx.pool.query('select * from installs order by portal_id');
    return rows;
  }

  function expectNothingRepeated(text: string, url: string) {
    for (const [name, value] of new URL(url).searchParams) {
      if (name !== 'error') expect(text).not.toContain(value);
    }
    expect(text).not.toContain('<script>alert');
    expect(text).not.toContain('<img src=x');
  }
});

describe('a server with a wrong client secret', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ settings: { HUBSPOT_CLIENT_SECRET: 'not-the-secret-of-this-app' } });
  });
  afterAll(() => world.close());

  it('says that it is not set up correctly, and keeps the tokens that it has', async () => {
    await world.ctx.installs.save(world.ctx.pool, {
      portalId: 62515,
      appId: 193354,
      userId: null,
      userEmail: null,
      hubDomain: null,
      partnerUser: null,
      scopes: [],
      accessToken: 'an-earlier-access-token',
      refreshToken: 'an-earlier-refresh-token',
      accessTokenExpiresAt: new Date(0),
      refreshDueAt: new Date(0),
    });
    const stored = () => world.ctx.installs.findWithTokens(world.ctx.pool, 62515);

    const begun = await world.app('/install');
    const url = await world.sandbox.decide(begun.headers.get('location') ?? '', 'approve');
    const answer = await fetch(url, { headers: BROWSER });
    expect(answer.status).toBe(502);
    const text = await answer.text();
    expect(text).toContain('<h1>This app is not set up correctly</h1>');
    expect(text).not.toContain('not-the-secret-of-this-app');

    // A refresh meets the same refusal, and it too is no reason to forget a token.
    const call = await world.api('GET', '/hubid/62515/contact/jane@example.com');
    expect(call.status).toBe(502);
    const { accessToken, refreshToken, state } = (await stored()) ?? {};
    expect({ accessToken, refreshToken, state }).toEqual({
      accessToken: 'an-earlier-access-token',
      refreshToken: 'an-earlier-refresh-token',
      state: 'active',
    });
  });
});

function withQuery(url: string, name: string, value: string | undefined): string {
  const changed = new URL(url);
  if (value === undefined) changed.searchParams.delete(name);
  else changed.searchParams.set(name, value);
  return changed.href;
}
