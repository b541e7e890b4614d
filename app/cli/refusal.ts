import { furtherDetails } from '../hubspot/client/error-body.ts';
import { DAILY_LIMIT, explainRegion, explainScopes, type HubSpotError } from '../hubspot/client/errors.ts';
import { limitWait } from '../hubspot/client/retry.ts';

/** HubSpot's error, with a line for each field that the message does not name. */
export const explainRefusal = (error: HubSpotError): string =>
  [error.message, ...furtherDetails(error.message, error.errors), adviceOn(error) ?? []].flat().join('\n  ');

/** Why no call would succeed (rate limit, scope, region) and what helps; undefined when only this call failed. */
export function adviceOn(error: HubSpotError): string | undefined {
  const region = explainRegion(error);
  return (
    explainLimit(error) ??
    explainScopes(error) ??
    (region === undefined ? undefined : `${region} Try again shortly.`)
  );
}

/** The rate limit that a call exceeded, and when to retry; undefined for other errors. */
function explainLimit(error: HubSpotError): string | undefined {
  const waitMs = limitWait(error);
  if (waitMs === undefined) return undefined;
  return `${limitOf(error, waitMs)} Try again at ${localTime(Date.now() + waitMs)}.`;
}

function limitOf({ policyName }: HubSpotError, waitMs: number): string {
  if (policyName === 'DAILY') {
    return DAILY_LIMIT;
  }
  // The other limits reset within seconds.
  if (policyName === undefined && waitMs > 60_000) {
    return 'HubSpot rate-limited an earlier call of this account and requested a long wait.';
  }
  if (policyName === 'SECONDLY') return 'The account’s limit of calls per second is used up.';
  return 'The account’s limit of calls per ten seconds is used up.';
}

/** Local time, such as `2026-11-27 08:45:10 GMT+9`. */
function localTime(at: number): string {
  const options = { dateStyle: 'short', timeStyle: 'medium' } as const;
  const zone = new Intl.DateTimeFormat('en', { timeZoneName: 'shortOffset' })
    .formatToParts(at)
    .find(({ type }) => type === 'timeZoneName');
  // The Swedish locale has the ISO 8601 format. Rounded up, because a second too early would exceed the limit again.
  return `${new Intl.DateTimeFormat('sv', options).format(Math.ceil(at / 1000) * 1000)} ${zone?.value}`;
}
