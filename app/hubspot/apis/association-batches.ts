import { z } from 'zod';
import type { Batch } from '../client/batch.ts';
import type { StandardError } from '../client/error-body.ts';
import type { HubSpotRequest } from '../client/http.ts';
import { associationLabel } from './association-labels.ts';
import { type AssociationSpec, nextPage } from './crm-record.ts';

/** An associated record, and each kind of association to it. */
export const associated = z.object({
  toObjectId: z.coerce.string(),
  associationTypes: z.array(associationLabel),
});

const ref = z.object({ id: z.string() });
const labelled = z.object({ fromObjectId: z.coerce.string(), toObjectId: z.coerce.string() });
const plain = z.object({ from: ref, to: ref });
const read = z.object({ from: ref, to: z.array(associated), paging: nextPage });
const done = z.literal(true);

/** Ids of two records. */
export interface RecordPair {
  readonly from: string;
  readonly to: string;
}

export interface LabelledPair extends RecordPair {
  readonly types: readonly AssociationSpec[];
}

/** Documented maximum of inputs per request. */
const MAX_WRITTEN = 2000;
const MAX_READ = 1000;
/** HubSpot's error for reading a record without associations. */
const NONE_FOUND = 'crm.associations.NO_ASSOCIATIONS_FOUND';

/** The batches between two types; `path` is that of the pair. All are idempotent. */
export function associationBatches(path: string) {
  const requests =
    <Input>(verb: string, body: (input: Input) => object) =>
    (inputs: readonly Input[]): HubSpotRequest => ({
      method: 'POST',
      path: `${path}/batch/${verb}`,
      json: { inputs: inputs.map(body) },
      idempotent: true,
    });

  const create: Batch<LabelledPair, z.output<typeof labelled>> = {
    limit: MAX_WRITTEN,
    request: requests('create', ({ types, ...pair }: LabelledPair) => ({ ...asRefs(pair), types })),
    result: labelled,
    isResultOf: (it, { from, to }) => it.fromObjectId === from && it.toObjectId === to,
    isErrorOf: isAbout,
  };
  const createDefault: Batch<RecordPair, z.output<typeof plain>> = {
    limit: MAX_WRITTEN,
    request: requests('associate/default', asRefs),
    result: plain,
    isResultOf: (it, { from, to }) => it.from.id === from && it.to.id === to,
    isErrorOf: isAbout,
  };
  const archive: Batch<RecordPair, true> = {
    limit: MAX_WRITTEN,
    request: requests('archive', ({ from, to }: RecordPair) => ({ from: { id: from }, to: [{ id: to }] })),
    result: done,
    isResultOf: () => false,
    isErrorOf: isAbout,
    silence: true,
  };
  const archiveLabels: Batch<LabelledPair, true> = {
    limit: MAX_WRITTEN,
    request: requests('labels/archive', ({ types, ...pair }: LabelledPair) => ({ ...asRefs(pair), types })),
    result: done,
    isResultOf: () => false,
    isErrorOf: isAbout,
    silence: true,
  };
  const readAll: Batch<string, z.output<typeof read>> = {
    limit: MAX_READ,
    request: requests('read', (id: string) => ({ id })),
    result: read,
    isResultOf: (it, id) => it.from.id === id,
    isErrorOf: (error, id) => isAbout(error, { from: id, to: id }),
    resultOf: ({ subCategory }, id) => (subCategory === NONE_FOUND ? { from: { id }, to: [] } : undefined),
  };

  return { create, createDefault, archive, archiveLabels, read: readAll };
}

const asRefs = ({ from, to }: RecordPair) => ({ from: { id: from }, to: { id: to } });

/**
 * An error names one side of a pair, or both: a missing record affects all its pairs, an error about a pair only that
 * one.
 */
function isAbout({ context }: StandardError, { from, to }: RecordPair): boolean {
  const named = (side: RegExp) =>
    Object.entries(context).flatMap(([key, ids]) => (side.test(key) ? ids : []));
  const [froms, tos, any] = [named(/^from.*ids?$/i), named(/^to.*ids?$/i), named(/^(object)?ids?$/i)];
  if (froms.length > 0 && tos.length > 0) return froms.includes(from) && tos.includes(to);
  if (froms.length > 0 || tos.length > 0) return froms.includes(from) || tos.includes(to);
  return any.length > 1 ? any.includes(from) && any.includes(to) : any.includes(from) || any.includes(to);
}
