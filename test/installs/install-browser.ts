import { afterAll, afterEach, beforeAll } from '@jest/globals';
import supertest, { type Response } from 'supertest';
import { createMemoryLog } from '../helpers/memory-log.ts';
import { API_KEY } from '../helpers/settings.ts';
import { startWorld, type World } from '../helpers/world.ts';

/** What a browser accepts. A program accepts anything. */
const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
export const PROGRAM = { accept: '*/*' };

export const ATTACK = '"><img src=x onerror=alert(1)><script>alert(2)</script>';
export const ELSEWHERE = 'https://hubspot.com.evil.example/';
export const LACKS_SCOPES =
  'Authorization failed because your account lacks access to the required scopes [tickets]';

/** What a browser does next: opens an address, or sends a form. */
export interface Step {
  readonly url: string;
  readonly cookie?: string;
  readonly form?: Record<string, string>;
}

interface SignIn {
  readonly returnUrl: string;
  readonly cookie: string;
  readonly token: string;
}

export const locationOf = (answer: Response) => answer.get('location') ?? '';

export const queryOf = (url: string, name: string) => new URL(url).searchParams.get(name) ?? '';

export function withQuery(url: string, changes: Record<string, string | undefined>): string {
  const changed = new URL(url);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) changed.searchParams.delete(name);
    else changed.searchParams.set(name, value);
  }
  return changed.href;
}

/** The same step with other query parameters. */
export const changed = (step: Step, changes: Record<string, string | undefined>): Step => ({
  ...step,
  url: withQuery(step.url, changes),
});

/** HubSpot's answer to a client id, secret or redirect URL that it does not accept. */
export const badClient = (status: string, error = 'invalid_client') => ({
  status: 400,
  body: { error, error_description: 'no', status, message: 'no' },
});

/** Does a step, without following a redirect. */
export function take({ url, cookie, form }: Step, headers: Record<string, string> = BROWSER) {
  const { origin, pathname, search } = new URL(url);
  const request = form
    ? supertest(origin)
        .post(pathname + search)
        .type('form')
        .send(form)
    : supertest(origin).get(pathname + search);
  return request.set({ ...headers, ...(cookie && { cookie }) });
}

export const open = (url: string, headers: Record<string, string> = {}) =>
  take({ url }, { ...BROWSER, ...headers });

/** A world per test file, and a browser that installs the app in it. */
export function useInstallBrowser() {
  const log = createMemoryLog();
  let world: World;
  let ahead = 0;
  beforeAll(async () => {
    world = await startWorld({ clock: { now: () => Date.now() + ahead }, logger: log.logger });
  });
  afterEach(() => {
    ahead = 0;
  });
  afterAll(() => world.close());

  /** Our own flow, up to HubSpot's authorize URL. */
  async function begin(path = '/install'): Promise<string> {
    const answer = await open(world.serverUrl + path);
    if (answer.status !== 302 || answer.get('cache-control') !== 'no-store')
      throw new Error(`${path}: ${answer.status}, cache-control: ${answer.get('cache-control')}`);
    return locationOf(answer);
  }

  /** The marketplace with our sign-in between, up to our page. */
  async function signInPage(portalId = 62515): Promise<SignIn> {
    const { url } = await world.sandbox.control('marketplace', { portalId, partnerSignIn: true });
    const page = await open(url);
    if (page.status !== 200) throw new Error(`the sign-in page: ${page.status}`);
    const [cookie = ''] = String(page.get('Set-Cookie')).split(';');
    const [, token = ''] = /name="token" value="([^"]+)"/.exec(page.text) ?? [];
    return { returnUrl: queryOf(url, 'returnUrl'), cookie, token };
  }

  function signIn({ returnUrl, cookie, token }: SignIn, form: Record<string, string> = {}): Step {
    return {
      url: `${world.serverUrl}/partner-sign-in`,
      cookie,
      form: { returnUrl, token, user: 'Jane', key: API_KEY, ...form },
    };
  }

  return {
    get world(): World {
      return world;
    },
    log,

    /** Moves the app's clock until the end of the test. */
    advance(ms: number): void {
      ahead = ms;
    },

    begin,
    signInPage,
    signIn,

    callback: (query: Record<string, string>) =>
      `${world.serverUrl}/oauth-callback?${new URLSearchParams(query)}`,

    /** Our own flow, up to the address that HubSpot sends the browser back to. */
    ownCallback: async (portalId = 62515): Promise<string> =>
      world.sandbox.decide(await begin(), 'approve', portalId),

    /** An install that the marketplace began, up to our address that takes the code. */
    marketplaceCallback: async (portalId = 62515): Promise<string> =>
      (await world.sandbox.control('marketplace', { portalId })).url,

    /** The partner flow, up to our address that takes the code. */
    async finalize(portalId = 62515): Promise<Step> {
      const page = await signInPage(portalId);
      const signedIn = await take(signIn(page));
      if (signedIn.status !== 303) throw new Error(`the sign-in: ${signedIn.status}`);
      const url = locationOf(await open(locationOf(signedIn)));
      if (queryOf(url, 'step') !== 'finalize') throw new Error(`not the last step: ${url}`);
      return { url, cookie: page.cookie };
    },

    /** A state of our own flow, as a query parameter. */
    stateOf: async () => ({ state: queryOf(await begin(), 'state') }),

    /** The step, which HubSpot then fails at `path`. */
    async failing<T>(path: string, failure: Record<string, unknown>, step: Promise<T>): Promise<T> {
      const reached = await step;
      await world.sandbox.control('failures', { path, ...failure });
      return reached;
    },

    portal: (portalId: number) => world.ctx.installs.store.find(world.ctx.pool, portalId),

    /** What an install that fails must not change. */
    async stored() {
      const { rows: installs } = await world.ctx.pool.query('select * from installs order by portal_id');
      const { rows: history } = await world.ctx.pool.query('select count(*) from install_history');
      return { installs, history };
    },
  };
}
