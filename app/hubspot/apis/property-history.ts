import { z } from 'zod';

/** SPEC `ValueWithTimestamp`. */
export const propertyVersion = z.object({
  value: z.string().nullable(),
  /** Since when the property has or had the value, ISO 8601. */
  timestamp: z.string(),
  /** Such as CRM_UI, INTEGRATION, IMPORT, API. */
  sourceType: z.string(),
  sourceId: z.string().nullish(),
  sourceLabel: z.string().nullish(),
  updatedByUserId: z.number().nullish(),
});

/** A value that a property has or had. HubSpot gives them newest first. */
export type PropertyVersion = z.output<typeof propertyVersion>;

/** Most records of one request that asks for histories. */
export const HISTORY_LIMIT = 50;

/** HubSpot keeps at least so many values of a property; behind them there may have been others. */
const KEPT = 20;

/** An event and its version in the history are of one moment; clocks may differ a little. */
const SAME_MOMENT_MS = 60_000;

export interface PropertyChange {
  readonly propertyValue?: string | null | undefined;
  /** Milliseconds since 1970; without it the newest version with the value is meant. */
  readonly occurredAt?: number | undefined;
}

/**
 * The value that a property had before a change: `null` for none, `undefined` where the history does not tell, because
 * the change is not in it or what was before is no longer kept.
 */
export function valueBefore(
  history: readonly PropertyVersion[],
  { propertyValue, occurredAt }: PropertyChange,
): string | null | undefined {
  const distance = ({ timestamp }: PropertyVersion) =>
    occurredAt === undefined ? 0 : Math.abs(Date.parse(timestamp) - occurredAt);
  const [changed] = history
    .filter((version) => (version.value ?? '') === (propertyValue ?? ''))
    .filter((version) => distance(version) <= SAME_MOMENT_MS)
    .toSorted((one, other) => distance(one) - distance(other));
  if (changed === undefined) return undefined;
  const before = history[history.indexOf(changed) + 1];
  if (before !== undefined) return before.value || null;
  return history.length < KEPT ? null : undefined;
}
