import { type AlarmSource, alarmsStore } from '../alarms/index.ts';
import { AppError } from '../base/errors.ts';
import type { Db, Pool } from '../db/pool.ts';
import type { HubSpotError } from '../hubspot/client/errors.ts';
import { historyStore } from './history-store.ts';
import type { InstallsStore, RefusedInstall } from './store.ts';

/** HubSpot rejects the app's credentials, so that no account's token is refreshed. */
export const APP_MISCONFIGURED = 'app_misconfigured';

/**
 * HubSpot rejected the app, or a code of it, during an install. Only the next install clears this: refreshes do not
 * use the redirect URL.
 */
const INSTALL_MISCONFIGURED = 'install_misconfigured';

const MOST_LISTED = 50;

/** Raises the alarm that HubSpot rejects client id or secret. @returns the error for the caller. */
export async function raiseAppMisconfigured(db: Db, error: HubSpotError): Promise<AppError> {
  const message = `HubSpot rejects this app (${error.summary}): check HUBSPOT_CLIENT_ID and HUBSPOT_CLIENT_SECRET.`;
  await alarmsStore.raise(db, APP_MISCONFIGURED, message);
  return new AppError(
    502,
    APP_MISCONFIGURED,
    'HubSpot rejects this app’s client id or secret. No token was touched. The operator finds the reason in the log.',
    { cause: error },
  );
}

export const raiseInstallMisconfigured = (db: Db, message: string): Promise<void> =>
  alarmsStore.raise(db, INSTALL_MISCONFIGURED, message);

/** A refresh succeeded, so HubSpot accepts client id and secret. */
export const clearAppMisconfigured = (db: Db): Promise<void> => alarmsStore.clear(db, APP_MISCONFIGURED);

/** Clears the alarm when any process has refreshed a token since it was last raised. */
export async function clearAppMisconfiguredIfRefreshed(db: Db): Promise<void> {
  const alarm = await alarmsStore.find(db, APP_MISCONFIGURED);
  if (!alarm) return;
  // Rounded up, because a Date has no microseconds.
  const raisedBefore = new Date(alarm.lastSeen.getTime() + 1);
  if (await historyStore.hasRefreshAfter(db, raisedBefore))
    await alarmsStore.clearUnseenSince(db, APP_MISCONFIGURED, raisedBefore);
}

/** A portal installed the app, so HubSpot accepts its credentials and its redirect URL. */
export async function clearAfterInstall(db: Db): Promise<void> {
  for (const name of [APP_MISCONFIGURED, INSTALL_MISCONFIGURED]) await alarmsStore.clear(db, name);
}

/** Starts the `state_reason` when HubSpot's answer is about the app, which may concern other portals as well. */
export const REJECTS_APP = 'HubSpot rejects this app: ';

/** The alarms `refresh_refused:<portal>`, derived from the installs whose refreshes HubSpot refuses. */
export const createRefreshAlarms =
  (pool: Pool, store: Pick<InstallsStore, 'refused'>): AlarmSource =>
  async (portalId) =>
    (await store.refused(pool, MOST_LISTED, portalId)).map((install) => ({
      name: `refresh_refused:${install.portalId}`,
      message: refusedMessage(install),
      since: install.since,
      lastSeen: install.lastSeen,
      occurrences: install.failures,
    }));

function refusedMessage({ portalId, reason }: RefusedInstall): string {
  const isAboutApp = reason.startsWith(REJECTS_APP);
  const summary = isAboutApp ? reason.slice(REJECTS_APP.length) : reason;
  const advice = isAboutApp
    ? 'if others fail too, check HUBSPOT_CLIENT_ID and HUBSPOT_CLIENT_SECRET.'
    : 'other portals are not affected.';
  return (
    `HubSpot refuses to refresh the token of portal ${portalId} (${summary}). Its tokens are kept, and the refresh is ` +
    `retried every few minutes; ${advice}`
  );
}
