import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { DecryptionError } from '../db/key-ring.ts';
import type { Pool } from '../db/pool.ts';
import { LOCKS, type SessionLocks } from '../db/session-locks.ts';
import { inTransaction } from '../db/transaction.ts';
import type { OAuthApi } from '../hubspot/apis/oauth.ts';
import { HubSpotError } from '../hubspot/client/errors.ts';
import { clearAfterInstall } from './alarms.ts';
import type { Exchanged } from './code-exchange.ts';
import { installFailed } from './errors.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { States, TakenState } from './states.ts';
import type { TokenService } from './tokens/service.ts';
import type { TokenStore } from './tokens/store.ts';
import { tokensOf } from './tokens/token-answer.ts';

export type CompleteInstall = ReturnType<typeof createCompleteInstall>;

interface Dependencies {
  appId: number;
  pool: Pool;
  locks: SessionLocks;
  states: States;
  tokenStore: TokenStore;
  lifecycle: Lifecycle;
  oauth: Pick<OAuthApi, 'isDead'>;
  tokens: Pick<TokenService, 'forget'>;
  clock: Clock;
  logger: Logger;
}

/** Stores the install that a code was exchanged for. */
export function createCompleteInstall(dependencies: Dependencies) {
  const { appId, pool, locks, states, tokenStore, lifecycle, oauth, tokens, clock, logger } = dependencies;

  /**
   * Where the portal has an install, it gets the new tokens; one that HubSpot has ended, unnoticed until now, ends
   * here before a new one begins.
   * @returns the portal id.
   */
  return async ({ answer, info }: Exchanged, state?: TakenState): Promise<number> => {
    const portalId = info.portalId ?? answer.owner.portalId;
    const { refreshToken } = answer;
    if (!info.active || !portalId || !refreshToken) throw installFailed('hubspot_incomplete');
    if (info.appId !== undefined && info.appId !== appId) {
      logger.error({ appId: info.appId }, 'HUBSPOT_APP_ID is not the app that HUBSPOT_CLIENT_ID belongs to');
    }
    const endedVersion = await versionIfEnded(portalId, refreshToken);
    const now = clock.now();
    await inTransaction(pool, async (tx) => {
      if (state) await states.use(tx, state);
      if (endedVersion !== undefined) {
        await lifecycle.end(tx, portalId, {
          seen: { tokenVersion: endedVersion },
          state: 'needs_reconnect',
          reason: 'HubSpot had ended it before it was installed again',
          now: now - 1,
        });
      }
      const install = {
        portalId,
        appId: info.appId ?? appId,
        userId: info.userId ?? answer.owner.userId ?? null,
        userEmail: info.userEmail ?? null,
        hubDomain: info.hubDomain ?? null,
        partnerUser: state?.stored?.partnerUser ?? null,
        scopes: info.scopes ?? answer.owner.scopes ?? [],
        ...tokensOf({ portalId, answer: { ...answer, refreshToken }, now: clock.now(), logger }),
      };
      await lifecycle.begin(tx, install, now);
      await clearAfterInstall(tx);
    });
    tokens.forget(portalId);
    logger.info({ portalId }, 'the app was installed');
    return portalId;
  };

  /**
   * The version of the portal's stored tokens when HubSpot says that they are dead, because the customer uninstalled
   * the app and nothing has noticed. In case of doubt they are alive.
   */
  async function versionIfEnded(portalId: number, newRefreshToken: string): Promise<number | undefined> {
    try {
      const former = await tokenStore.find(pool, portalId);
      if (!former || former.refreshToken === newRefreshToken) return undefined;
      if (!(await oauth.isDead(former.refreshToken))) return undefined;
      // A refresh under way may have exchanged it for another one that is not stored yet.
      const isRefreshing = await locks.isHeld(pool, LOCKS.tokenRefresh, String(portalId));
      return isRefreshing ? undefined : former.tokenVersion;
    } catch (error) {
      if (error instanceof HubSpotError || error instanceof DecryptionError) return undefined;
      throw error;
    }
  }
}
