import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { DecryptionError } from '../db/key-ring.ts';
import type { Pool } from '../db/pool.ts';
import { inTransaction } from '../db/transaction.ts';
import { classifyOAuthFailure, type OAuthApi } from '../hubspot/apis/oauth.ts';
import { HubSpotError } from '../hubspot/client/errors.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import { raiseAppMisconfigured } from './alarms.ts';
import type { Install } from './install.ts';
import type { Lifecycle } from './lifecycle.ts';
import { isInstallEnded } from './tokens/errors.ts';
import type { TokenService } from './tokens/service.ts';
import type { TokenStore } from './tokens/store.ts';

/** Stored with the install, and compared with later. */
const DISCONNECTED = 'disconnected here';
const DISCONNECTED_LOCALLY = 'disconnected here; HubSpot was not notified';

/** False when the app may still be among the account's connected apps at HubSpot. */
export interface Disconnected {
  readonly hubspotTold: boolean;
}

export interface DisconnectDependencies {
  pool: Pool;
  tokenStore: TokenStore;
  lifecycle: Lifecycle;
  oauth: Pick<OAuthApi, 'revoke' | 'isDead'>;
  tokens: Pick<TokenService, 'forget'>;
  hubspotFor: HubSpotFor;
  clock: Clock;
  logger: Logger;
}

/** Ends an install from this side: uninstalls the app at HubSpot and deletes the tokens. */
export function createDisconnect(dependencies: DisconnectDependencies) {
  const { pool, tokenStore, lifecycle, oauth, tokens, hubspotFor, clock, logger } = dependencies;

  /**
   * HubSpot is not called for an install that it has ended, whose tokens no key opens, or whose access token the
   * operator gave: such a token cannot end itself.
   * @param options.local HubSpot is not called.
   * @throws {AppError} hubspot_unavailable, disconnect_refused, app_misconfigured: nothing was changed here, and the
   *   call can be retried.
   */
  return async (install: Install, { local }: { local: boolean }): Promise<Disconnected> => {
    const { portalId, installId, kind, state, stateReason } = install;
    if (state === 'uninstalled') return { hubspotTold: stateReason !== DISCONNECTED_LOCALLY };
    const callsHubSpot = kind === 'oauth' && !local;
    const hubspotTold = state === 'needs_reconnect' || (callsHubSpot && (await endAtHubSpot(install)));
    const reason = hubspotTold ? DISCONNECTED : DISCONNECTED_LOCALLY;
    await inTransaction(pool, (tx) =>
      lifecycle.end(tx, portalId, { seen: { installId }, state: 'uninstalled', reason, now: clock.now() }),
    );
    tokens.forget(portalId);
    logger[hubspotTold ? 'info' : 'warn']({ portalId, hubspotTold }, 'the app was disconnected');
    return { hubspotTold };
  };

  /** @returns false when no key opens the tokens, so that HubSpot cannot be called. */
  async function endAtHubSpot(install: Install): Promise<boolean> {
    const { portalId, installId } = install;
    try {
      await unlessEnded(install, () => hubspotFor(portalId).appInstalls.uninstall());
      // Read after that call, which may have refreshed, and so exchanged, the refresh token.
      const held = await tokenStore.find(pool, portalId);
      if (held?.installId === installId) await unlessEnded(install, () => oauth.revoke(held.refreshToken));
      return true;
    } catch (error) {
      if (!(error instanceof DecryptionError)) throw error;
      logger.warn({ portalId, err: error }, 'no key opens this install’s tokens');
      return false;
    }
  }

  /** A call that fails because the install has ended at HubSpot has reached its purpose. */
  async function unlessEnded(install: Install, call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (isInstallEnded(error)) return;
      if (!(error instanceof HubSpotError) || error.transient) throw error;
      if (await isEnded(install, error)) return;
      throw disconnectRefused(install.portalId, error);
    }
  }

  /** The failed call alone is no proof: HubSpot has other reasons for a 400, 401 or 404. */
  async function isEnded({ portalId, installId }: Install, failed: HubSpotError): Promise<boolean> {
    const failure = classifyOAuthFailure(failed, 'refresh');
    if (failure === 'configuration') throw await raiseAppMisconfigured(pool, failed);
    if (failure === 'revoked') return true;
    const held = await tokenStore.find(pool, portalId);
    // The install has ended, or another one has begun meanwhile.
    if (held?.installId !== installId) return true;
    try {
      return await oauth.isDead(held.refreshToken);
    } catch (error) {
      if (!(error instanceof HubSpotError) || error.transient) throw error;
      if (classifyOAuthFailure(error, 'refresh') !== 'configuration') return false;
      throw await raiseAppMisconfigured(pool, error);
    }
  }
}

const disconnectRefused = (portalId: number, cause: HubSpotError) =>
  new AppError(
    502,
    'disconnect_refused',
    `HubSpot refused to disconnect portal ${portalId} (${cause.summary}), and still has the app installed. Nothing ` +
      'was changed here. Try again, or end the install on this server only: ?local=true, or `installs disconnect --local`.',
    { cause },
  );
