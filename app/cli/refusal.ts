import { furtherDetails } from '../hubspot/client/error-body.ts';
import { DAILY_LIMIT, explainRegion, explainScopes, type HubSpotError } from '../hubspot/client/errors.ts';
import { limitWait } from '../hubspot/client/retry.ts';

/** What HubSpot refused, with a line for each field that it names and the message does not. */
export const explainRefusal = (error: HubSpotError): string =>
  [error.message, ...furtherDetails(error.message, error.errors), adviceOn(error) ?? []].flat().join('\n  ');

/** What stood in the way of the call, whatever it was about, and what helps; undefined where it was the call itself. */
export function adviceOn(error: HubSpotError): string | undefined {
  const region = explainRegion(error);
  return (
    explainLimit(error) ??
    explainScopes(error) ??
    (region === undefined ? undefined : `${region} This passes: try again shortly.`)
  );
}

/** Which of HubSpot's limits a call met, and when the next try makes sense; undefined when it met none. */
function explainLimit(error: HubSpotError): string | undefined {
  const waitMs = limitWait(error);
  if (waitMs === undefined) return undefined;
  return `${limitOf(error, waitMs)} Try again at ${localTime(Date.now() + waitMs)}.`;
}

function limitOf({ policyName }: HubSpotError, waitMs: number): string {
  if (policyName === 'DAILY') {
    return DAILY_LIMIT;
  }
  // Only the other limits are over within seconds.
  if (policyName === undefined && waitMs > 60_000) {
    return 'HubSpot refused an earlier call of this account for its rate, and asked for a long wait.';
  }
  if (policyName === 'SECONDLY') return 'The account’s limit of calls in a second is used up.';
  return 'The account’s limit of calls in ten seconds is used up.';
}

/** Such as `2026-11-27 08:45:10 GMT+9`, where this command runs. */
function localTime(at: number): string {
  const options = { dateStyle: 'short', timeStyle: 'medium' } as const;
  const zone = new Intl.DateTimeFormat('en', { timeZoneName: 'shortOffset' })
    .formatToParts(at)
    .find(({ type }) => type === 'timeZoneName');
  // Sweden writes dates as ISO 8601 does. Rounded up: a second too early would meet the limit again.
  return `${new Intl.DateTimeFormat('sv', options).format(Math.ceil(at / 1000) * 1000)} ${zone?.value}`;
}
