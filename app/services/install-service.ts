import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Install, InstallsStore } from '../db/installs-store.ts';
import { oauthStatesStore, type StateOutcome } from '../db/oauth-states-store.ts';
import type { Pool } from '../db/pool.ts';
import { AppError, installNotFound } from '../errors.ts';
import { HubSpotError } from '../hubspot/errors.ts';
import { classifyOAuthFailure, type OAuthApi } from '../hubspot/oauth.ts';
import type { PortalClient } from '../hubspot/portal-client.ts';
import type { Logger } from '../logger.ts';
import { createState, hashState, STATE_LIFETIME_MS } from '../verification/oauth-state.ts';

export type InstallService = ReturnType<typeof createInstallService>;

interface Dependencies {
  config: Config;
  pool: Pool;
  installs: InstallsStore;
  oauth: OAuthApi;
  hubspotFor: (portalId: number) => PortalClient;
  clock: Clock;
  logger: Logger;
}

export function createInstallService({
  config,
  pool,
  installs,
  oauth,
  hubspotFor,
  clock,
  logger,
}: Dependencies) {
  return {
    /**
     * HubSpot's authorize URL with a fresh state. The state is not tied to a cookie: an install belongs to the
     * portal that its code names, never to whoever is logged in to the browser, so a planted callback gains nothing;
     * and any number of installs may be under way in one browser.
     */
    async begin(): Promise<string> {
      const state = createState();
      await oauthStatesStore.add(pool, hashState(state), new Date(clock.now() + STATE_LIFETIME_MS));
      const { clientId, redirectUri, scopes, optionalScopes } = config.hubspot;
      const query = [
        ['client_id', clientId],
        ['redirect_uri', redirectUri],
        ['scope', scopes.join(' ')],
        ...(optionalScopes.length > 0 ? [['optional_scope', optionalScopes.join(' ')]] : []),
        ['state', state],
      ];
      // encodeURIComponent, not URLSearchParams: HubSpot documents %20 between scopes.
      return `${config.hubspot.authorizeUrl}?${query.map(([name, value]) => `${name}=${encodeURIComponent(value ?? '')}`).join('&')}`;
    },

    /** Uses up a state that came back from HubSpot. @throws {AppError} saying why it cannot be used. */
    async takeState(state: string | undefined): Promise<void> {
      const outcome = state
        ? await oauthStatesStore.take(pool, hashState(state), new Date(clock.now()))
        : 'unknown';
      if (outcome !== 'taken') throw stateRefused(outcome);
    },

    /** Exchanges the code, learns whose it is and stores the install; an earlier one of that portal is overwritten. */
    async complete(code: string): Promise<Install> {
      const tokens = await exchange(code);
      const info = await oauth.introspect(tokens.accessToken, 'access_token').catch((error) => {
        throw explainExchange(error);
      });
      const { hub_id: portalId } = info;
      if (!info.active || !portalId || !tokens.refreshToken) {
        throw installFailed(
          502,
          'hubspot_incomplete',
          'HubSpot answered without saying which account this is. Nothing was stored.',
        );
      }
      if (info.app_id !== undefined && info.app_id !== config.hubspot.appId) {
        logger.error(
          { appId: info.app_id },
          'HUBSPOT_APP_ID is not the app that HUBSPOT_CLIENT_ID belongs to',
        );
      }
      await installs.save(pool, {
        portalId,
        appId: info.app_id ?? config.hubspot.appId,
        userId: info.user_id ?? null,
        userEmail: info.user ?? null,
        hubDomain: info.hub_domain ?? null,
        scopes: info.scopes ?? [],
        accessToken: tokens.accessToken,
        refreshToken: tokens.refreshToken,
        accessTokenExpiresAt: new Date(clock.now() + tokens.expiresInSeconds * 1000),
      });
      logger.info({ portalId }, 'the app was installed');
      return this.find(portalId);
    },

    /** @throws {AppError} install_not_found. */
    async find(portalId: number): Promise<Install> {
      return (await installs.find(pool, portalId)) ?? failNotFound(portalId);
    },

    /** Uninstalls the app at HubSpot, then forgets the tokens. An install that HubSpot ended before is only forgotten. */
    async disconnect(portalId: number): Promise<void> {
      const install = await this.find(portalId);
      if (install.state === 'active') {
        await hubspotFor(portalId)
          .appInstalls.uninstall()
          .catch((error) => {
            // Gone at HubSpot already: what is left to do is ours.
            if (!(error instanceof AppError && error.code === 'install_needs_reconnect')) throw error;
          });
      }
      await installs.end(pool, portalId, 'uninstalled');
      logger.info({ portalId }, 'the app was disconnected');
    },

    /** The portal's page at HubSpot. */
    portalUrl: (portalId: number) => `${new URL(config.hubspot.authorizeUrl).origin}/contacts/${portalId}`,
  };

  async function exchange(code: string) {
    try {
      return await oauth.exchangeCode(code);
    } catch (error) {
      throw explainExchange(error);
    }
  }

  function explainExchange(error: unknown): unknown {
    if (!(error instanceof HubSpotError)) return error;
    const failure = classifyOAuthFailure(error, 'code');
    logger[failure === 'configuration' ? 'error' : 'warn'](
      { err: error, failure },
      'an install could not be finished',
    );
    switch (failure) {
      case 'bad_code':
        return installFailed(
          400,
          'code_refused',
          'HubSpot no longer accepts this code: it was used before, or it is too old. Nothing was stored.',
        );
      case 'transient':
        return installFailed(
          502,
          'hubspot_unavailable',
          'HubSpot did not answer. Nothing was stored. Wait a moment, then start again.',
        );
      default:
        return installFailed(
          502,
          'app_misconfigured',
          'HubSpot refuses this app’s client id, secret or redirect URL. Nothing was stored. The operator finds the reason in the log.',
        );
    }
  }
}

function failNotFound(portalId: number): never {
  throw installNotFound(portalId);
}

/** HubSpot sent the browser back with an error, or the callback is not one of the shapes that HubSpot sends. */
export function callbackRefused(hubspotError: string | undefined): AppError {
  if (hubspotError === undefined) {
    return installFailed(
      400,
      'callback_incomplete',
      'This address is where HubSpot sends you back after an install, and it was opened without what HubSpot sends along. Nothing was stored.',
    );
  }
  return hubspotError === 'access_denied'
    ? installFailed(403, 'access_denied', 'The install was declined in HubSpot. Nothing was stored.')
    : installFailed(400, 'install_refused', 'HubSpot ended the install with an error. Nothing was stored.');
}

function stateRefused(outcome: Exclude<StateOutcome, 'taken'>): AppError {
  switch (outcome) {
    case 'expired':
      return installFailed(
        410,
        'state_expired',
        'This install was started more than ten minutes ago. Nothing was stored.',
      );
    case 'used':
      return installFailed(
        409,
        'state_used',
        'This install was finished before; the page was opened a second time. If the app is connected, there is nothing to do.',
      );
    case 'unknown':
      return installFailed(
        400,
        'state_unknown',
        'This install was not started on this server. Nothing was stored.',
      );
  }
}

const TITLES: Record<string, string> = {
  access_denied: 'The install was declined',
  state_expired: 'The install took too long',
  state_used: 'This install is finished already',
  state_unknown: 'This install was not started here',
  code_refused: 'HubSpot does not accept the code',
  hubspot_unavailable: 'HubSpot is not answering',
  app_misconfigured: 'This app is not set up correctly',
};

const installFailed = (status: number, code: string, message: string) =>
  new AppError(status, code, message, {
    title: TITLES[code] ?? 'The install could not be finished',
    startAgain: true,
  });
