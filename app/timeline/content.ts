import { createHash } from 'node:crypto';
import type { AppEventOccurrence } from '../hubspot/apis/timeline.ts';

/**
 * A digest of an app event that does not depend on the order of keys, the case of the address, the form of a number or
 * the offset of the timestamp. It includes the event's id, so that digests do not reveal which events have the same
 * content. Digests are stored: after a change of this format, retries of earlier events are conflicts.
 * @returns 32 bytes.
 */
export function contentDigest({
  email,
  timestamp,
  properties,
  extraData = {},
  ...rest
}: AppEventOccurrence): Buffer {
  const asText = Object.entries(properties).map(([name, value]) => [name, String(value)]);
  const content = {
    ...rest,
    email: email?.toLowerCase(),
    timestamp: timestamp && instantOf(timestamp),
    properties: Object.fromEntries(asText),
    extraData,
  };
  return createHash('sha256').update(JSON.stringify(content, withSortedKeys)).digest();
}

function instantOf(timestamp: string): string {
  const at = new Date(timestamp);
  return Number.isNaN(at.getTime()) ? timestamp : at.toISOString();
}

function withSortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
