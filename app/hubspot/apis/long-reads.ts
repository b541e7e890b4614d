import { sendBatch } from '../client/batch.ts';
import { HubSpotError } from '../client/errors.ts';
import { type HubSpotRequest, queryString, type Send } from '../client/http.ts';
import type { CrmRecord } from './crm-record.ts';
import { recordBatches } from './object-batches.ts';

/** HubSpot answers 414 to URLs longer than about 8 kB. */
const LONGEST_PATH = 6_000;
/** Documented maximum size of a search's body. */
const LONGEST_SEARCH = 3_000;

/** Whether the names of the properties make the request too long. */
export function isTooLong({ path, query, json }: Pick<HubSpotRequest, 'path' | 'query' | 'json'>): boolean {
  if (json !== undefined) return JSON.stringify(json).length > LONGEST_SEARCH;
  return path.length + queryString(query).length > LONGEST_PATH;
}

interface PropertyNames {
  readonly properties: readonly string[];
  readonly propertiesWithHistory?: readonly string[] | undefined;
}

/**
 * Reads the properties of records by `batch/read`, which takes the names in the body.
 * Records that were deleted meanwhile are omitted.
 * @param path the path of the records' type.
 */
export async function withProperties(
  send: Send,
  path: string,
  records: readonly CrmRecord[],
  { properties, propertiesWithHistory }: PropertyNames,
  archived = false,
): Promise<CrmRecord[]> {
  const batch = recordBatches(path).read(properties, { propertiesWithHistory, archived });
  const ids = records.map(({ id }) => id);
  const outcomes = await sendBatch(send, batch, ids);
  return records.flatMap((record, at) => {
    const { result, failure } = outcomes[at] ?? {};
    if (result) return { ...record, ...result };
    if (failure?.error) throw failure.error;
    if (failure?.category === undefined || failure.category === 'OBJECT_NOT_FOUND') return [];
    throw new HubSpotError({ ...batch.request([record.id]), status: 400 }, failure);
  });
}
