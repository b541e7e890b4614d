import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseReturnUrl, withState } from '../../app/installs/return-url.ts';
import { API_KEY } from '../helpers/settings.ts';
import { startWorld, type World } from '../helpers/world.ts';

const AUTHORIZE = 'https://app.hubspot.com/oauth/authorize';
const MINUTE = 60_000;

/** HubSpot's own, and what normalises to HubSpot's own. */
const REAL_HOSTS = [
  'app.hubspot.com',
  'app-eu1.hubspot.com',
  'APP.HubSpot.COM',
  'a.b.c.hubspot.com',
  'ａｐｐ.ｈｕｂｓｐｏｔ.ｃｏｍ',
  'app.hubspot。com',
  'app%2Ehubspot.com',
  'ap\u00adp.hubspot.com',
  'evil.example\n.hubspot.com',
];

const OTHER_HOSTS = [
  'hubspot.com',
  'evilhubspot.com',
  'app-hubspot.com',
  'hubspot.com.evil.example',
  'app.hubspot.com.evil.example',
  'app.hubspot.com.',
  'app.hubspotqa.com',
  'app.hubspot.co',
  'app.hubspot.comm',
  'hubspot.com@evil.example',
  'app.hubspot.com:443@evil.example',
  'evil.example\\.hubspot.com',
  'evil.example\\@app.hubspot.com',
  'evil.example/.hubspot.com',
  'evil.example?.hubspot.com',
  'evil.example#.hubspot.com',
  'evil.example%23.hubspot.com',
  'evil.example%2F.hubspot.com',
  'evil.example%5C.hubspot.com',
  'evil.example%00.hubspot.com',
  'evil.example\0.hubspot.com',
  'evil.example\t/.hubspot.com',
  'evil.example;.hubspot.com',
  'evil.example／.hubspot.com',
  'evil.example＃.hubspot.com',
  'evil.example＠app.hubspot.com',
  'app.hubspot.com․evil.example',
  'аpp.hubspоt.com',
  'app.hubspot.cоm',
  'xn--hubspt-kye.com',
  'app.xn--hubspt-kye.com',
  '127.0.0.1',
  '0x7f.1',
  '2130706433',
  '[::1]',
  '[::ffff:127.0.0.1]',
  'localhost',
  '',
  '.hubspot.com',
  '..',
];

const scheme = fc.constantFrom(
  ...[
    'https:',
    'https:',
    'https:',
    'HTTPS:',
    'http:',
    'javascript:',
    'data:text/html,',
    'vbscript:',
    'file:',
  ],
  ...['ftp:', 'ws:', 'blob:https:', 'blob:', 'view-source:https:', 'ht\ttps:', ' https:', '\u0001https:', ''],
);
const slashes = fc.constantFrom(
  ...['//', '//', '//', '', '/', '///', '////', '\\\\', '/\\', '\\/', '/\t/', '%2f%2f'],
);
const userinfo = fc.constantFrom(
  ...['', '', '', '', 'user@', 'user:secret@', '@', ':@', 'app.hubspot.com@', 'app.hubspot.com%40', '%40@'],
);
const port = fc.constantFrom(
  '',
  '',
  '',
  ':443',
  ':80',
  ':8443',
  ':0',
  ':',
  ':x',
  ':99999',
  ':443@evil.example',
);
const rest = fc.oneof(
  fc.webPath(),
  fc.constantFrom(
    ...[
      '',
      '/',
      '/install?portalId=1',
      '?a=1&b=2',
      '#top',
      '//evil.example',
      '/\\evil.example',
      '\\evil.example',
    ],
    ...['/..//evil.example', '/%2e%2e//evil.example', '?returnUrl=https://evil.example', '#@evil.example'],
    ...[
      '@evil.example',
      '.evil.example',
      ':@evil.example/',
      '%0d%0aLocation:%20https://evil.example',
      '/\r\nx: y',
    ],
  ),
);

const composed = (hosts: readonly string[]) =>
  fc.tuple(scheme, slashes, userinfo, fc.constantFrom(...hosts), port, rest).map((parts) => parts.join(''));

/** An address into which something was put that parsers disagree about. */
const disturbed = (addresses: fc.Arbitrary<string>) =>
  fc
    .tuple(
      addresses,
      fc.nat(),
      fc.constantFrom(
        ...[
          '\t',
          '\n',
          '\r',
          ' ',
          '\0',
          '\\',
          '/',
          '@',
          ':',
          '#',
          '?',
          '%',
          '.',
          ';',
          '&',
          '[',
          '%09',
          '%5c',
        ],
        ...[
          '%2e',
          '\u200b',
          '\u3002',
          '\ufeff',
          '\u2044',
          '\uff0f',
          '\ud800',
          'evil.example',
          '//evil.example/',
        ],
      ),
    )
    .map(([address, at, noise]) => {
      const place = at % (address.length + 1);
      return address.slice(0, place) + noise + address.slice(place);
    });

const benign = fc
  .tuple(fc.constantFrom('app', 'app-eu1', 'a.b'), fc.webPath(), fc.webQueryParameters(), fc.webFragments())
  .map(([host, path, query, fragment]) => `https://${host}.hubspot.com${path}?${query}#${fragment}`);

const anyAddress = fc.oneof(
  { weight: 4, arbitrary: composed([...REAL_HOSTS, ...OTHER_HOSTS]) },
  { weight: 3, arbitrary: disturbed(composed(REAL_HOSTS)) },
  { weight: 2, arbitrary: disturbed(benign) },
  { weight: 1, arbitrary: fc.webUrl({ withQueryParameters: true, withFragments: true }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
);

/**
 * Where a browser goes with this Location, read from a page of ours; and whether a cruder reader than a browser,
 * a proxy or an older library, would find the same host in it.
 */
function expectHubSpots(location: string, from: string, also?: string) {
  const target = new URL(location, from);
  expect(location).toMatch(/^[\x21-\x7e]+$/);
  expect([target.username, target.password]).toEqual(['', '']);
  const [, crude] = /^https?:\/\/([^/?#]*)/.exec(location) ?? [];
  expect(crude).toMatch(/^[a-z0-9.-]+(:\d+)?$/);
  expect(crude).toBe(target.host);
  if (also !== undefined && target.host === also) return;
  expect(target.protocol).toBe('https:');
  expect(target.host.split('.').slice(-2)).toEqual(['hubspot', 'com']);
  expect(target.host.split('.').length).toBeGreaterThan(2);
}

describe('a return address', () => {
  it('belongs to HubSpot whenever one of 10,000 random addresses is accepted', () => {
    let accepted = 0;
    fc.assert(
      fc.property(anyAddress, (address) => {
        const url = parseReturnUrl(address, AUTHORIZE);
        if (!url) return;
        accepted += 1;
        for (const location of [url.href, withState(url, 'a-state')]) {
          expectHubSpots(location, 'https://app.vendor.example/oauth-callback');
        }
        expect(new URL(withState(url, 'a-state')).searchParams.getAll('state')).toEqual(['a-state']);
      }),
      { numRuns: 10_000 },
    );
    // The addresses are not so odd that nothing was tried.
    expect(accepted).toBeGreaterThan(500);
  });

  it('is accepted unchanged when it belongs to HubSpot', () => {
    fc.assert(
      fc.property(benign, (address) => {
        expect(parseReturnUrl(address, AUTHORIZE)?.href).toBe(new URL(address).href);
      }),
      { numRuns: 1_000 },
    );
  });

  it('may be on the host of the authorize page, with the same port and scheme only', () => {
    const own = 'http://localhost:3001/oauth/authorize';
    expect(parseReturnUrl('http://localhost:3001/marketplace/return/1?a=b', own)?.pathname).toBe(
      '/marketplace/return/1',
    );
    for (const address of [
      'https://localhost:3001/',
      'http://localhost:3002/',
      'http://localhost/',
      'http://localhost:3001@evil.example/',
      'http://127.0.0.1:3001/',
      'blob:http://localhost:3001/00000000-0000-0000-0000-000000000000',
    ]) {
      expect(parseReturnUrl(address, own)).toBeUndefined();
    }
  });

  it.each(OTHER_HOSTS)('to %j is rejected', (host) => {
    expect(parseReturnUrl(`https://${host}/`, AUTHORIZE)).toBeUndefined();
  });

  it('longer than 4096 characters is rejected', () => {
    const address = `https://app.hubspot.com/?${'x'.repeat(4096)}`;
    expect(parseReturnUrl(address, AUTHORIZE)).toBeUndefined();
  });
});

describe('over HTTP', () => {
  let world: World;
  let ahead = 0;
  beforeAll(async () => {
    world = await startWorld({ clock: { now: () => Date.now() + ahead } });
  });
  afterAll(() => world.close());

  it('every Location header leads to HubSpot', async () => {
    const home = `${world.sandboxUrl}/marketplace/return/1`;
    const page = await world.app(
      `/oauth-callback?${new URLSearchParams({ step: 'authorize', returnUrl: home })}`,
    );
    const [cookie = ''] = (page.headers.get('set-cookie') ?? '').split(';');
    const [, token = ''] = /name="token" value="([^"]+)"/.exec(await page.text()) ?? [];
    const sandboxHost = new URL(world.sandboxUrl).host;
    let redirects = 0;

    await fc.assert(
      fc.asyncProperty(fc.array(anyAddress, { minLength: 20, maxLength: 20 }), async (addresses) => {
        await Promise.all(
          addresses.map(async (returnUrl) => {
            const body = new URLSearchParams({ returnUrl, token, user: 'Jane', key: API_KEY });
            const answer = await world.app('/partner-sign-in', { method: 'POST', headers: { cookie }, body });
            const location = answer.headers.get('location');
            await answer.arrayBuffer();
            if (location === null) return expect(answer.status).toBe(400);
            redirects += 1;
            expect(answer.status).toBe(303);
            expectHubSpots(location, world.serverUrl, sandboxHost);
          }),
        );
      }),
      { numRuns: 100 },
    );
    expect(redirects).toBeGreaterThan(100);
  });

  describe('a state', () => {
    const flows = () => world.ctx.services.oauthFlows;
    const begin = () => new URL(flows().begin()).searchParams.get('state') ?? '';
    const stored = async () =>
      (await world.ctx.pool.query("select encode(state_hash, 'hex') as hash from oauth_states")).rows;
    /** The code of a failed callback, which shows whether the state is valid. */
    const check = (state: string) =>
      flows()
        .fail({ error: 'access_denied', state })
        .then(
          () => 'nothing',
          (error: { code: string }) => error.code,
        );
    /** Finishes an install with the state. */
    const use = async (state: string) => {
      const url = await world.sandbox.decide(flows().begin(), 'approve');
      return flows()
        .finishOwn(new URL(url).searchParams.get('code') ?? '', state, '')
        .then(
          () => 'installed',
          (error: { code: string }) => error.code,
        );
    };

    it('is 32 random bytes, never repeated, and not stored before it is used', async () => {
      const before = await stored();
      const states = Array.from({ length: 2_000 }, begin);
      expect(new Set(states).size).toBe(states.length);
      const ones = Array<number>(256).fill(0);
      for (const state of states) {
        const bytes = Buffer.from(state, 'base64url');
        expect(bytes).toHaveLength(32);
        for (let bit = 0; bit < 256; bit += 1) {
          if (((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1) ones[bit] = (ones[bit] ?? 0) + 1;
        }
      }
      // Each bit is a coin: 2,000 throws stray from half by less than 7 standard deviations.
      for (const count of ones) expect(Math.abs(count - 1_000)).toBeLessThan(160);

      expect(await stored()).toEqual(before);
    });

    it('is stored as a hash, and only when its install is finished', async () => {
      const state = begin();
      expect(await use(state)).toBe('installed');
      const hash = createHash('sha256').update(state).digest('hex');
      expect(await stored()).toContainEqual({ hash });
      const { rows } = await world.ctx.pool.query(
        'select string_agg(t::text, chr(10)) as all from oauth_states t',
      );
      expect(rows[0].all).not.toContain(state);
    });

    it('is valid for one install within ten minutes, whatever happens in between', async () => {
      type Step = { readonly kind: 'begin' | 'use' | 'alter' | 'wait'; readonly which: number };
      const steps = fc.array(
        fc.record<Step>({
          kind: fc.constantFrom('begin', 'use', 'use', 'alter', 'wait'),
          which: fc.nat(1000),
        }),
        { minLength: 4, maxLength: 16 },
      );
      await fc.assert(
        fc.asyncProperty(steps, async (sequence) => {
          const known: { state: string; begunAt: number; used: boolean }[] = [];
          for (const { kind, which } of [{ kind: 'begin', which: 0 }, ...sequence]) {
            const one = known[which % (known.length || 1)];
            if (kind === 'begin') known.push({ state: begin(), begunAt: ahead, used: false });
            else if (kind === 'wait') ahead += (which % 5) * MINUTE;
            else if (one && kind === 'alter')
              expect(await check(altered(one.state, which))).toBe('state_unknown');
            else if (one) {
              const tooLate = ahead - one.begunAt >= 10 * MINUTE;
              const ended = one.used ? 'state_used' : tooLate ? 'state_expired' : undefined;
              expect(await check(one.state)).toBe(ended ?? 'access_denied');
              expect(await use(one.state)).toBe(ended ?? 'installed');
              one.used ||= !tooLate;
            }
          }
        }),
        { numRuns: 12 },
      );
    });

    function altered(state: string, which: number): string {
      const at = which % state.length;
      // The last of 43 characters carries two bits that decoding ignores: as text it is another state all the same.
      const other = state[at] === 'A' ? 'B' : 'A';
      return state.slice(0, at) + other + state.slice(at + 1);
    }

    it('is rejected in any other form', async () => {
      const state = begin();
      const forms = [
        ...[state.toLowerCase(), state.toUpperCase(), `${state}=`, `${state} `, ` ${state}`, `${state}\0`],
        ...[state.slice(1), state.slice(0, -1), state + state, '%00', '0', 'null', "' or true --"],
        createHash('sha256').update(state).digest('hex'),
      ];
      for (const form of forms) expect(await check(form)).toBe('state_unknown');
      expect(await check(state)).toBe('access_denied');
    });
  });
});
