import type { Clock } from '../base/clock.ts';
import { AppError, installNotFound } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Config } from '../config.ts';
import { DecryptionError } from '../db/key-ring.ts';
import { type Pool, ping } from '../db/pool.ts';
import { LOCKS, type SessionLocks } from '../db/session-locks.ts';
import { inTransaction } from '../db/transaction.ts';
import type { AccessTokensApi } from '../hubspot/apis/access-tokens.ts';
import type { AccountDetails } from '../hubspot/apis/account.ts';
import type { OAuthApi } from '../hubspot/apis/oauth.ts';
import { HubSpotError } from '../hubspot/client/errors.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import { endInstall, publishLifecycle } from '../webhooks/lifecycle-events.ts';
import { createAccessTokenInstall } from './access-token-install.ts';
import { clearAfterInstall } from './alarms.ts';
import { hashBrowser } from './browser-cookie.ts';
import { readCallbackError } from './callback-error.ts';
import { createCodeExchange } from './code-exchange.ts';
import { createDisconnect, type Disconnected } from './disconnect.ts';
import { installEnded, installFailed, isInstallFailure } from './errors.ts';
import { createExchangeLimit, type ExchangeKind } from './exchange-limit.ts';
import { createState, hashState, openState, STATE_LIFETIME_MS, sealState } from './oauth-state.ts';
import { parseReturnUrl, withState } from './return-url.ts';
import { oauthStatesStore, type StoredState } from './states-store.ts';
import type { HistoryEntry, Install, InstallState, InstallsStore } from './store.ts';
import type { TokenService } from './tokens/service.ts';

export { INSTALL_STATES, type InstallState } from './store.ts';

export type InstallService = ReturnType<typeof createInstallService>;

/** An install as its users want to see it: what it may do, and whether something has to be done about it. */
export interface InstallStatus extends Install {
  /** True while some process refreshes the token right now. */
  readonly refreshing: boolean;
  /** Scopes that HUBSPOT_SCOPES asks for and this install was not granted: it has to consent again. */
  readonly missingScopes: readonly string[];
  /** Where the account consents again; null for one whose access token the operator gave. */
  readonly reconnectUrl: string | null;
  has(scope: string): boolean;
}

interface Dependencies {
  config: Config;
  pool: Pool;
  locks: SessionLocks;
  installs: InstallsStore;
  oauth: OAuthApi;
  accessTokens: AccessTokensApi;
  tokens: TokenService;
  hubspotFor: HubSpotFor;
  /** The account that an access token belongs to. */
  accountOf: (accessToken: string) => Promise<AccountDetails>;
  clock: Clock;
  logger: Logger;
  /** For each of the ways in. */
  failedExchangesPerMinute?: number | undefined;
}

const FAILED_EXCHANGES_PER_MINUTE = 30;
/** Failures that anyone can bring about with a code of their own making. */
const COUNTED_FAILURES = ['code_refused', 'install_refused', 'app_misconfigured'];

/** What the browser brings when HubSpot ended an install with an error. */
interface RefusedCallback {
  readonly error: string;
  readonly description?: string | undefined;
  readonly code?: string | undefined;
  readonly state?: string | undefined;
  readonly browser?: string | undefined;
}

/** No access token of an account's own can have these. */
const OF_APPS_ALONE = ['oauth', 'timeline'];

/** A state that came back, and what is stored about it. */
interface TakenState {
  readonly hash: Buffer;
  readonly expiresAt: Date;
  readonly stored: StoredState | undefined;
}

export function createInstallService(dependencies: Dependencies) {
  const { config, pool, locks, installs, oauth, tokens, clock, logger } = dependencies;
  const most = dependencies.failedExchangesPerMinute ?? FAILED_EXCHANGES_PER_MINUTE;
  // Ten of sixty: a person who tries again. Where the setting is off, callers cannot be told apart.
  const mostPerAddress = config.installRateLimit === 0 ? most : Math.ceil(config.installRateLimit / 6);
  const exchangeLimit = createExchangeLimit({ most, mostPerAddress }, clock);
  /** By state: a browser that sends its callback twice waits for the first to end, and learns that it did. */
  const finishing = new Map<string, Promise<unknown>>();
  const { hubspot, serverUrl } = config;
  const exchange = createCodeExchange({ ...dependencies, redirectUri: hubspot.redirectUri });
  const disconnect = createDisconnect(dependencies);

  return {
    /**
     * HubSpot's authorize URL with a fresh state, for the account `portalId` when one is given. The state is not
     * tied to a cookie: an install belongs to the portal that its code names, never to whoever is logged in to the
     * browser, so a planted callback gains nothing; and any number of installs may be under way in one browser.
     */
    begin(portalId?: number): string {
      const state = sealState(config.sessionSecret, clock.now() + STATE_LIFETIME_MS);
      const query = {
        client_id: hubspot.clientId,
        redirect_uri: hubspot.redirectUri,
        scope: hubspot.scopes.join(' '),
        ...(hubspot.optionalScopes.length > 0 && { optional_scope: hubspot.optionalScopes.join(' ') }),
        state,
      };
      const page = new URL(hubspot.authorizeUrl);
      if (portalId !== undefined)
        page.pathname = page.pathname.replace(/\/authorize$/, `/${portalId}/authorize`);
      // encodeURIComponent, not URLSearchParams: HubSpot documents %20 between scopes.
      const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
      return `${page.href}?${pairs.join('&')}`;
    },

    /** Ends our own flow: the code is exchanged when its state is one that we gave out. */
    finishOwn: (code: string, state: string, address: string): Promise<InstallStatus> =>
      once(state, async () => complete('own', address, code, null, await takeOwn(state))),

    /**
     * An install that HubSpot's marketplace started. It carries no state of ours and is tied to nobody; the portal
     * that the code names is the one that gains the app.
     * @returns HubSpot's address to send the browser back to; staying here leaves the user in a login loop.
     */
    async finishMarketplace(code: string, returnUrl: string, address: string): Promise<string> {
      const back = requireReturnUrl(returnUrl);
      // A code works once: it is not spent while what it buys could not be kept.
      await ping(pool);
      await complete('marketplace', address, code, null);
      return back.href;
    },

    /** Checks the way back before the sign-in page is shown. */
    requireReturnUrl,

    /** The user signed in on our page: HubSpot's address with a one-time state that stands for this user. */
    async beginPartner(returnUrl: string, user: string, browser: string): Promise<string> {
      const back = requireReturnUrl(returnUrl);
      const state = createState();
      const partner = { user, browserHash: hashBrowser(browser) };
      const expiresAt = new Date(clock.now() + STATE_LIFETIME_MS);
      await oauthStatesStore.addPartner(pool, hashState(state), expiresAt, partner);
      return withState(back, state);
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
        const taken = await takePartner(state, browser);
        await complete('partner', address, code, taken.stored?.partnerUser ?? null, taken);
      });
      return back.href;
    },

    /** HubSpot sent the browser back with an error. Nothing is stored: whoever declined may go back and approve. */
    async refuse({ error, description, code, state, browser }: RefusedCallback): Promise<never> {
      const secrets = [code, state, browser, ...hubspot.clientSecrets].filter((it) => it !== undefined);
      const said = readCallbackError(error, description, secrets);
      logger.warn({ reason: said.logText }, 'HubSpot ended an install with an error');
      try {
        if (state)
          await (openState(state, config.sessionSecret) ? takeOwn(state) : takePartner(state, browser));
      } catch (failure) {
        throw isInstallFailure(failure) ? installEnded(said, failure.code) : failure;
      }
      throw installEnded(said);
    },

    /** Connects an account with an access token of its own; see {@link createAccessTokenInstall}. */
    addAccessToken: createAccessTokenInstall(dependencies),

    find,

    status,

    async list(after: number, limit: number, state?: InstallState): Promise<InstallStatus[]> {
      const page = await installs.list(pool, after, limit, state);
      const names = page.map(({ portalId }) => String(portalId));
      const refreshing = await locks.heldOf(pool, LOCKS.tokenRefresh, names);
      return page.map((install) => describe(install, refreshing.has(String(install.portalId))));
    },

    history: (portalId: number): Promise<HistoryEntry[]> => installs.history(pool, portalId),

    /**
     * Uninstalls the app at HubSpot, revokes and forgets the tokens; see {@link createDisconnect}.
     * @throws {AppError} install_not_found, and what that throws.
     */
    disconnect: async (portalId: number, { local = false } = {}): Promise<Disconnected> =>
      disconnect(await status(portalId), { local }),

    /** The portal's page at HubSpot. */
    portalUrl: (portalId: number) => `${new URL(hubspot.authorizeUrl).origin}/contacts/${portalId}`,
  };

  function requireReturnUrl(returnUrl: string): URL {
    const url = parseReturnUrl(returnUrl, hubspot.authorizeUrl);
    if (!url) throw installFailed('return_url_refused');
    return url;
  }

  /** One after another for each state, in this process. */
  async function once<T>(state: string, finish: () => Promise<T>): Promise<T> {
    for (let before = finishing.get(state); before; before = finishing.get(state))
      await before.catch(() => {});
    const finished = finish().finally(() => finishing.delete(state));
    finishing.set(state, finished);
    return finished;
  }

  /** Looks a state of our own flow up, which is used when its install is stored. Fails while the database is away. */
  async function takeOwn(state: string): Promise<TakenState> {
    const expiry = openState(state, config.sessionSecret);
    if (expiry === undefined) throw installFailed('state_unknown');
    const hash = hashState(state);
    const stored = await oauthStatesStore.find(pool, hash);
    return requireGood({ hash, stored, expiresAt: new Date(expiry) });
  }

  async function findPartner(state: string): Promise<TakenState> {
    const hash = hashState(state);
    const stored = await oauthStatesStore.find(pool, hash);
    if (!stored?.browserHash) throw installFailed('state_unknown');
    return { hash, stored, expiresAt: stored.expiresAt };
  }

  /** Another browser is told no more than that it is the wrong one, and does not use the state up. */
  async function takePartner(state: string, browser: string | undefined): Promise<TakenState> {
    const taken = await findPartner(state);
    const isSameBrowser = browser !== undefined && taken.stored?.browserHash?.equals(hashBrowser(browser));
    if (!isSameBrowser) throw installFailed('state_unknown');
    return requireGood(taken);
  }

  function requireGood(state: TakenState): TakenState {
    if (state.stored?.isUsed) throw installFailed('state_used');
    if (state.expiresAt.getTime() <= clock.now()) throw installFailed('state_expired');
    return state;
  }

  /**
   * Exchanges the code, learns whose it is and stores it. Over an install that lives, that is the same install with
   * new tokens; one that HubSpot has ended, unnoticed until now, is ended here before the new one begins.
   */
  async function complete(
    kind: ExchangeKind,
    address: string,
    code: string,
    partnerUser: string | null,
    state?: TakenState,
  ): Promise<InstallStatus> {
    const { answer, info } = await exchangeLimit.run(
      kind,
      address,
      () => exchange(code),
      (error) => error instanceof AppError && COUNTED_FAILURES.includes(error.code),
    );
    const portalId = info.portalId ?? answer.owner.portalId;
    if (!info.active || !portalId || !answer.refreshToken) throw installFailed('hubspot_incomplete');
    if (info.appId !== undefined && info.appId !== hubspot.appId) {
      logger.error({ appId: info.appId }, 'HUBSPOT_APP_ID is not the app that HUBSPOT_CLIENT_ID belongs to');
    }
    const endedAt = await versionOfEnded(portalId, answer.refreshToken);
    const now = clock.now();
    await inTransaction(pool, async (tx) => {
      if (state && !(await oauthStatesStore.use(tx, state.hash, state.expiresAt, new Date(now))))
        throw installFailed('state_used');
      if (endedAt !== undefined) {
        const reason = 'HubSpot had ended it before it was installed again';
        await endInstall(tx, installs, portalId, {
          seen: { tokenVersion: endedAt },
          state: 'needs_reconnect',
          reason,
          now: now - 1,
        });
      }
      const { installId, begun } = await installs.save(tx, {
        portalId,
        appId: info.appId ?? hubspot.appId,
        userId: info.userId ?? answer.owner.userId ?? null,
        userEmail: info.userEmail ?? null,
        hubDomain: info.hubDomain ?? null,
        partnerUser,
        scopes: info.scopes ?? answer.owner.scopes ?? [],
        ...tokens.keep(portalId, answer),
      });
      if (begun) await publishLifecycle(tx, 'app.installed', portalId, installId, now);
      await clearAfterInstall(tx, portalId);
    });
    tokens.forget(portalId);
    logger.info({ portalId }, 'the app was installed');
    return status(portalId);
  }

  /**
   * The version of the tokens that are stored for the portal when HubSpot says that they are dead: the customer had
   * uninstalled, and nobody noticed. On doubt they live.
   */
  async function versionOfEnded(portalId: number, newRefreshToken: string): Promise<number | undefined> {
    try {
      const former = await installs.findWithTokens(pool, portalId);
      if (!former || former.refreshToken === newRefreshToken) return undefined;
      if (!(await oauth.isDead(former.refreshToken))) return undefined;
      // A refresh under way may have exchanged it for another that is not stored yet.
      const refreshing = await locks.isHeld(pool, LOCKS.tokenRefresh, String(portalId));
      return refreshing ? undefined : former.tokenVersion;
    } catch (error) {
      if (error instanceof HubSpotError || error instanceof DecryptionError) return undefined;
      throw error;
    }
  }

  async function find(portalId: number): Promise<InstallStatus | undefined> {
    const install = await installs.find(pool, portalId);
    return install && describe(install, await locks.isHeld(pool, LOCKS.tokenRefresh, String(portalId)));
  }

  /** @throws {AppError} install_not_found. */
  async function status(portalId: number): Promise<InstallStatus> {
    const install = await find(portalId);
    if (!install) throw installNotFound(portalId);
    return install;
  }

  function describe(install: Install, refreshing: boolean): InstallStatus {
    const isOAuth = install.kind === 'oauth';
    const has = (scope: string) => install.scopes.includes(scope);
    const lacks = (scope: string) => !has(scope) && (isOAuth || !OF_APPS_ALONE.includes(scope));
    return {
      ...install,
      refreshing,
      has,
      missingScopes: hubspot.scopes.filter(lacks),
      reconnectUrl: isOAuth ? `${serverUrl}/install?portalId=${install.portalId}` : null,
    };
  }
}
