import { alarmsStore } from '../alarms/store.ts';
import { AppError } from '../base/errors.ts';
import type { Db } from '../db/pool.ts';
import type { HubSpotError } from '../hubspot/client/errors.ts';

/** HubSpot refuses the app itself; no account's token is refreshed. */
export const APP_MISCONFIGURED = 'app_misconfigured';

/**
 * HubSpot refused the app, or a code of it, when somebody installed it. Only the next install shows that this is
 * over: refreshes do not use the redirect URL.
 */
const INSTALL_MISCONFIGURED = 'install_misconfigured';

/**
 * HubSpot refuses to refresh this account's token, for a reason that this server does not know, or with words about
 * the app that no other account has heard.
 */
const REFRESH_REFUSED = 'refresh_refused:';
const refreshRefused = (portalId: number) => REFRESH_REFUSED + portalId;

/** Raises the alarm that HubSpot refuses client id or secret. @returns the error for whoever waits. */
export async function raiseAppMisconfigured(db: Db, error: HubSpotError): Promise<AppError> {
  const message = `HubSpot refuses this app (${error.summary}): check HUBSPOT_CLIENT_ID and HUBSPOT_CLIENT_SECRET.`;
  await alarmsStore.raise(db, APP_MISCONFIGURED, message);
  return new AppError(
    502,
    APP_MISCONFIGURED,
    'HubSpot refuses this app’s client id or secret. No token was touched. The operator finds the reason in the log.',
    { cause: error },
  );
}

export const raiseInstallMisconfigured = (db: Db, message: string): Promise<void> =>
  alarmsStore.raise(db, INSTALL_MISCONFIGURED, message);

/** @param refusesApp HubSpot's words are about the app, so that other portals may be about to hear them too. */
export async function raiseRefreshRefused(
  db: Db,
  portalId: number,
  error: HubSpotError,
  refusesApp: boolean,
): Promise<void> {
  const others = refusesApp
    ? 'if others fail too, check HUBSPOT_CLIENT_ID and HUBSPOT_CLIENT_SECRET.'
    : 'other portals are not touched by it.';
  const message =
    `HubSpot refuses to refresh the token of portal ${portalId} (${error.summary}). Its tokens are kept, and it is ` +
    `tried again every few minutes; ${others}`;
  await alarmsStore.raise(db, refreshRefused(portalId), message);
}

/** A refresh worked, so HubSpot takes client id and secret. */
export const clearAppMisconfigured = (db: Db): Promise<void> => alarmsStore.clear(db, APP_MISCONFIGURED);

/** The same, where the refresh may have been any process's. */
export const clearIfRefreshedSince = (db: Db): Promise<void> =>
  alarmsStore.clearIfRefreshedSince(db, APP_MISCONFIGURED);

/** The portal's token was refreshed, or it holds none any more. */
export const clearRefreshRefused = (db: Db, portalId: number): Promise<void> =>
  alarmsStore.clear(db, refreshRefused(portalId));

/** The same for all portals, where a process ended before it could say so. */
export const clearRefreshRefusedNoMore = (db: Db): Promise<void> =>
  alarmsStore.clearUnlessBackingOff(db, REFRESH_REFUSED);

/** A portal installed the app: whatever HubSpot refused about that, or about this portal, is over. */
export async function clearAfterInstall(db: Db, portalId: number): Promise<void> {
  for (const alarm of [APP_MISCONFIGURED, INSTALL_MISCONFIGURED, refreshRefused(portalId)]) {
    await alarmsStore.clear(db, alarm);
  }
}
