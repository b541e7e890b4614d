import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { DecryptionError } from '../db/key-ring.ts';
import type { Pool } from '../db/pool.ts';
import { inTransaction } from '../db/transaction.ts';
import { classifyOAuthFailure, type OAuthApi } from '../hubspot/apis/oauth.ts';
import { HubSpotError } from '../hubspot/client/errors.ts';
import type { HubSpotFor } from '../hubspot/portal-client.ts';
import { endInstall } from '../webhooks/lifecycle-events.ts';
import { raiseAppMisconfigured } from './alarms.ts';
import type { Install, InstallsStore } from './store.ts';
import type { TokenService } from './tokens/service.ts';

const HERE = 'disconnected here';
const HERE_ONLY = 'disconnected here; HubSpot was not told';

/** False when the app may still be among the account's connected apps at HubSpot. */
export interface Disconnected {
  readonly hubspotTold: boolean;
}

interface Dependencies {
  pool: Pool;
  installs: InstallsStore;
  oauth: OAuthApi;
  tokens: Pick<TokenService, 'forget'>;
  hubspotFor: HubSpotFor;
  clock: Clock;
  logger: Logger;
}

/** The way out that begins here: the app is uninstalled at HubSpot and the tokens are forgotten. */
export function createDisconnect(dependencies: Dependencies) {
  const { pool, installs, oauth, tokens, hubspotFor, clock, logger } = dependencies;

  /**
   * An install that HubSpot ended before, whose tokens no key opens, or whose access token the operator gave, is only
   * forgotten: HubSpot lets no such token end itself.
   * @param options.local HubSpot is not asked.
   * @throws {AppError} hubspot_unavailable, disconnect_refused, app_misconfigured: nothing is changed here then, and
   *   the call can be made again.
   */
  return async (install: Install, { local }: { local: boolean }): Promise<Disconnected> => {
    const { portalId, installId, kind, state, stateReason } = install;
    if (state === 'uninstalled') return { hubspotTold: stateReason !== HERE_ONLY };
    const asks = kind === 'oauth' && !local;
    const hubspotTold = state === 'needs_reconnect' || (asks && (await endAtHubSpot(install)));
    const reason = hubspotTold ? HERE : HERE_ONLY;
    await inTransaction(pool, (tx) =>
      endInstall(tx, installs, portalId, {
        seen: { installId },
        state: 'uninstalled',
        reason,
        now: clock.now(),
      }),
    );
    tokens.forget(portalId);
    logger[hubspotTold ? 'info' : 'warn']({ portalId, hubspotTold }, 'the app was disconnected');
    return { hubspotTold };
  };

  /** @returns false when there is no token to tell it with. */
  async function endAtHubSpot(install: Install): Promise<boolean> {
    const { portalId, installId } = install;
    try {
      await unlessGone(install, () => hubspotFor(portalId).appInstalls.uninstall());
      // Read after that call, which may have refreshed, and with it exchanged, the refresh token.
      const held = await installs.findWithTokens(pool, portalId);
      if (held?.installId === installId) await unlessGone(install, () => oauth.revoke(held.refreshToken));
      return true;
    } catch (error) {
      if (!(error instanceof DecryptionError)) throw error;
      logger.warn({ portalId, err: error }, 'no key opens this install’s tokens');
      return false;
    }
  }

  /** What HubSpot refuses because the install is gone there is done; what is left to do is ours. */
  async function unlessGone(install: Install, call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (error instanceof AppError && GONE.has(error.code)) return;
      if (!(error instanceof HubSpotError) || error.transient) throw error;
      if (await isGone(install, error)) return;
      throw disconnectRefused(install.portalId, error);
    }
  }

  /** A refusal alone is no proof: HubSpot has other reasons to answer 400, 401 and 404. */
  async function isGone({ portalId, installId }: Install, refusal: HubSpotError): Promise<boolean> {
    const failure = classifyOAuthFailure(refusal, 'refresh');
    if (failure === 'configuration') throw await raiseAppMisconfigured(pool, refusal);
    if (failure === 'revoked') return true;
    const held = await installs.findWithTokens(pool, portalId);
    // Ended, or followed by another one, meanwhile.
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

/** HubSpot said by a refresh that the install is over. */
const GONE = new Set(['install_needs_reconnect', 'install_not_found']);

const disconnectRefused = (portalId: number, cause: HubSpotError) =>
  new AppError(
    502,
    'disconnect_refused',
    `HubSpot refused to disconnect portal ${portalId} (${cause.summary}), and still has the app installed. Nothing ` +
      'was changed here. Try again, or end the install on this server only: ?local=true, or `installs disconnect --local`.',
    { cause },
  );
