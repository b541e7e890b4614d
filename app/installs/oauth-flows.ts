import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Pool, ping } from '../db/pool.ts';
import { readCallbackError } from './callback-error.ts';
import type { Exchanged } from './code-exchange.ts';
import type { CompleteInstall } from './complete-install.ts';
import { installFailed, isInstallFailure } from './errors.ts';
import type { ExchangeKind, ExchangeLimit } from './exchange-limit.ts';
import { parseReturnUrl, withState } from './return-url.ts';
import type { InstallService, InstallStatus } from './service.ts';
import type { AppSettings } from './settings.ts';
import type { States, TakenState } from './states.ts';

/** Failures that anyone can cause with a made-up code. */
const COUNTED_FAILURES = ['code_refused', 'install_refused', 'app_misconfigured'];

/** The callback of an install that HubSpot ended with an error. */
interface FailedCallback {
  readonly error: string;
  readonly description?: string | undefined;
  readonly code?: string | undefined;
  readonly state?: string | undefined;
  readonly browser?: string | undefined;
}

export type OAuthFlows = ReturnType<typeof createOAuthFlows>;

interface Dependencies {
  app: AppSettings;
  pool: Pool;
  states: States;
  exchange: (code: string) => Promise<Exchanged>;
  exchangeLimit: ExchangeLimit;
  complete: CompleteInstall;
  status: InstallService['status'];
  logger: Logger;
}

/** The three ways to install: our own link, HubSpot's marketplace, and the marketplace with a sign-in here. */
export function createOAuthFlows(dependencies: Dependencies) {
  const { app, pool, states, exchange, exchangeLimit, complete, status, logger } = dependencies;
  /** By state: when a browser sends its callback twice, the second waits for the first. */
  const finishing = new Map<string, Promise<unknown>>();

  return {
    /**
     * HubSpot's authorize URL with a fresh state, for the account `portalId` when it is given. The state is not bound
     * to a cookie: the code names the portal that is installed, so a planted callback gains nothing, and one browser
     * may have several installs under way.
     */
    begin(portalId?: number): string {
      const query = {
        client_id: app.clientId,
        redirect_uri: app.redirectUri,
        scope: app.scopes.join(' '),
        ...(app.optionalScopes.length > 0 && { optional_scope: app.optionalScopes.join(' ') }),
        state: states.issueOwn(),
      };
      const page = new URL(app.authorizeUrl);
      if (portalId !== undefined)
        page.pathname = page.pathname.replace(/\/authorize$/, `/${portalId}/authorize`);
      // encodeURIComponent, not URLSearchParams: HubSpot documents %20 between scopes.
      const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
      return `${page.href}?${pairs.join('&')}`;
    },

    /** Ends our own flow. */
    finishOwn: (code: string, state: string, address: string): Promise<InstallStatus> =>
      once(state, async () => {
        const taken = await states.takeOwn(state);
        return status(await exchangeAndComplete('own', address, code, taken));
      }),

    /**
     * Ends an install that HubSpot's marketplace started. It has no state of ours and belongs to no user; the code
     * names the portal.
     * @returns HubSpot's address to send the browser back to; without it the user ends in a login loop.
     */
    async finishMarketplace(code: string, returnUrl: string, address: string): Promise<string> {
      const back = requireReturnUrl(returnUrl);
      // A code works once: it is not exchanged while its tokens could not be stored.
      await ping(pool);
      await exchangeAndComplete('marketplace', address, code);
      return back.href;
    },

    requireReturnUrl,

    /** The user has signed in on our page. @returns HubSpot's address, with a one-time state for this user. */
    async beginPartner(returnUrl: string, user: string, browser: string): Promise<string> {
      const back = requireReturnUrl(returnUrl);
      return withState(back, await states.issuePartner(user, browser));
    },

    /** Ends the partner flow in the browser in which it began. @returns HubSpot's address to go back to. */
    async finishPartner(
      code: string,
      state: string,
      returnUrl: string,
      browser: string | undefined,
      address: string,
    ): Promise<string> {
      const back = requireReturnUrl(returnUrl);
      await once(state, async () => {
        const taken = await states.takePartner(state, browser);
        await exchangeAndComplete('partner', address, code, taken);
      });
      return back.href;
    },

    /** HubSpot ended the install with an error. The state stays unused, so the user may go back and approve. */
    async fail({ error, description, code, state, browser }: FailedCallback): Promise<never> {
      const secrets = [code, state, browser, ...app.clientSecrets].filter((it) => it !== undefined);
      const callbackError = readCallbackError(error, description, secrets);
      logger.warn({ reason: callbackError.logText }, 'HubSpot ended an install with an error');
      try {
        if (state) await states.take(state, browser);
      } catch (failure) {
        throw isInstallFailure(failure) ? callbackError.toAppError(failure.code) : failure;
      }
      throw callbackError.toAppError();
    },
  };

  function requireReturnUrl(returnUrl: string): URL {
    const url = parseReturnUrl(returnUrl, app.authorizeUrl);
    if (!url) throw installFailed('return_url_refused');
    return url;
  }

  /** Runs the callbacks of one state in this process one after another. */
  async function once<T>(state: string, finish: () => Promise<T>): Promise<T> {
    for (let before = finishing.get(state); before; before = finishing.get(state))
      await before.catch(() => {});
    const finished = finish().finally(() => finishing.delete(state));
    finishing.set(state, finished);
    return finished;
  }

  async function exchangeAndComplete(
    kind: ExchangeKind,
    address: string,
    code: string,
    state?: TakenState,
  ): Promise<number> {
    const exchanged = await exchangeLimit.run(
      kind,
      address,
      () => exchange(code),
      (error) => error instanceof AppError && COUNTED_FAILURES.includes(error.code),
    );
    return complete(exchanged, state);
  }
}
