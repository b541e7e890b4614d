import { AppError } from '../../base/errors.ts';
import type { HubSpotError } from '../../hubspot/client/errors.ts';
import type { InstallWithTokens } from '../install.ts';

export const notRefreshed = (portalId: number) =>
  new AppError(
    409,
    'not_refreshed',
    `Portal ${portalId} is connected with an access token that does not expire, so there is nothing to refresh. ` +
      `When it was rotated in HubSpot, give this server the new one: installs add ${portalId}.`,
  );

export const unavailable = (portalId: number, what: string, retryAfter: number, cause?: HubSpotError) =>
  new AppError(
    503,
    'hubspot_unavailable',
    `Portal ${portalId} cannot be reached now: ${what}. Its tokens are kept. Try again shortly.`,
    { retryAfter, cause },
  );

/** A refresh failed before, and its retry is not due at `now`. */
export function backingOff({ portalId, refreshDueAt }: InstallWithTokens, now: number): AppError {
  const seconds = Math.ceil((refreshDueAt.getTime() - now) / 1000);
  return unavailable(portalId, 'HubSpot did not refresh its token', Math.max(1, seconds));
}

/** There is no install to refresh any more. */
export const isInstallEnded = (error: unknown): boolean =>
  error instanceof AppError &&
  (error.code === 'install_needs_reconnect' || error.code === 'install_not_found');
