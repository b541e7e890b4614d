import type { InstallWithTokens } from '../install.ts';
import { REFRESH_MARGIN_MS } from './refresh-timing.ts';

/** Use the stored token, fetch a new one, or wait until the retry of a failed refresh is due. */
export type Decision = 'use' | 'refresh' | 'wait';
export type Decide = (install: InstallWithTokens, now: number) => Decision;

/** A call needs a token. */
export const ifItExpiresSoon: Decide = unlessBackingOff(expiresSoon);

/** HubSpot answered 401 to this token. */
export const ifTokenIs = (rejected: string): Decide =>
  unlessBackingOff(({ accessToken }) => accessToken === rejected);

/** The sweep asks. */
export const ifDue: Decide = (install, now) => (isDue(install, now) ? 'refresh' : 'use');

/** An operator asks: whatever the token's age and earlier failures, unless another refresh came first. */
export const ifVersionIs =
  (version: number): Decide =>
  ({ tokenVersion }) =>
    tokenVersion === version ? 'refresh' : 'use';

/** A token with a lifetime below the margin is refreshed when it is due, not with each call. */
function expiresSoon(install: InstallWithTokens, now: number): boolean {
  const left = install.accessTokenExpiresAt.getTime() - now;
  return left <= 0 || (left <= REFRESH_MARGIN_MS && (isDue(install, now) || install.state !== 'active'));
}

/** After a failure the retry waits until it is due, so that calls do not flood HubSpot during an outage. */
function unlessBackingOff(isNeeded: (install: InstallWithTokens, now: number) => boolean): Decide {
  return (install, now) => {
    if (!isNeeded(install, now)) return 'use';
    return install.state === 'active' || isDue(install, now) ? 'refresh' : 'wait';
  };
}

function isDue({ refreshDueAt }: InstallWithTokens, now: number): boolean {
  return refreshDueAt.getTime() <= now;
}
