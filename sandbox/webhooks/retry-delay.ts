const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * HubSpot retries up to ten times within 24 hours; the delays are not published.
 * The first is short so that a user of the sandbox sees it.
 */
const delays = [
  1.5 * SECOND,
  15 * SECOND,
  MINUTE,
  5 * MINUTE,
  20 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  6 * HOUR,
  8 * HOUR,
];

/**
 * How long to wait after a failed delivery, in milliseconds, or `undefined` to give up.
 * @param attempt 0 for the first delivery, as in an event's `attemptNumber`
 * @param random 0 ≤ random < 1; the delay varies by up to 10 % around its base
 */
export function retryDelay(attempt: number, random: number): number | undefined {
  const base = delays[attempt];
  return base === undefined ? undefined : Math.round(base * (0.9 + 0.2 * random));
}
