import { z } from 'zod';

/** SPEC `ValueWithTimestamp`. */
export const propertyVersion = z.object({
  value: z.string().nullable(),
  /** When the property got the value, ISO 8601. */
  timestamp: z.string(),
  /** Such as CRM_UI, INTEGRATION, IMPORT, API. */
  sourceType: z.string(),
  sourceId: z.string().nullish(),
  sourceLabel: z.string().nullish(),
  updatedByUserId: z.number().nullish(),
});

/** A current or former value of a property. HubSpot returns the newest first. */
export type PropertyVersion = z.output<typeof propertyVersion>;

/** Maximum records per request with histories. */
export const HISTORY_LIMIT = 50;

/** HubSpot keeps at least this many values of a property; older ones may be missing. */
const KEPT = 20;

/** An event and its entry in the history have the same time, apart from clock differences. */
const SAME_MOMENT_MS = 60_000;

export interface PropertyChange {
  readonly propertyValue?: string | null | undefined;
  /** Epoch milliseconds. By default the newest entry with the value is used. */
  readonly occurredAt?: number | undefined;
}

/**
 * The value of a property before a change: `null` for no value, `undefined` when the history does not contain
 * the change or no longer contains the value before it.
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
