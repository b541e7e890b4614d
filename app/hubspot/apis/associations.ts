import { z } from 'zod';
import { type OnProgress, sendBatch } from '../client/batch.ts';
import { together } from '../client/coalesce.ts';
import type { Send } from '../client/http.ts';
import { readPages } from '../client/pages.ts';
import { pathPart } from '../client/path-part.ts';
import { apiPaths } from '../versions.ts';
import { associated, associationBatches, type LabelledPair, type RecordPair } from './association-batches.ts';
import { associationLabels } from './association-labels.ts';
import { associationLimits } from './association-limits.ts';
import { type AssociationSpec, nextPage } from './crm-record.ts';

export type Associated = z.output<typeof associated>;

/** One side of an association: `{ type: 'contacts', id: '101' }`. */
export interface RecordRef {
  readonly type: string;
  readonly id: string;
}

/** Documented maximum page size. */
const PAGE = 500;
const page = z.object({ results: z.array(associated), paging: nextPage });

/**
 * Associations between records. The type ids of the two directions differ.
 * @see https://developers.hubspot.com/docs/api-reference/crm-associations-v4/guide
 */
export function createAssociationsApi(send: Send, paths = apiPaths) {
  const joined = (...parts: string[]) => parts.map(pathPart).join('/');
  const below = ({ type, id }: RecordRef, ...parts: string[]) =>
    `${paths.recordAssociations.path}/${joined(type, id, 'associations', ...parts)}`;
  const batches = (fromType: string, toType: string) =>
    associationBatches(`${paths.associations.path}/${joined(fromType, toType)}`);

  /** First pages are one `batch/read`. It has no page of a record without associations, which may not exist. */
  const listTogether = (from: RecordRef, toType: string) =>
    together({
      kind: `associations ${from.type} ${toType}`,
      subject: from.id,
      isWrite: false,
      batch: batches(from.type, toType).read,
      input: from.id,
      responseOf: ({ to, paging }) => (to.length === 0 || paging?.next ? undefined : { results: to }),
    });

  return {
    /** Every record of a type that a record is associated with. */
    list(from: RecordRef, toType: string): AsyncGenerator<Associated, void> {
      const request = { method: 'GET', path: below(from, toType), query: { limit: PAGE } } as const;
      return readPages(send, { ...request, together: listTogether(from, toType) }, page);
    },

    /** Associates two records without a label. Idempotent. */
    async createDefault(from: RecordRef, to: RecordRef): Promise<void> {
      await send({ method: 'PUT', path: below(from, 'default', to.type, to.id) });
    },

    /** Associates two records with labels of the direction `from` → `to`. */
    async create(from: RecordRef, to: RecordRef, types: readonly AssociationSpec[]): Promise<void> {
      await send({ method: 'PUT', path: below(from, to.type, to.id), json: types });
    },

    /** Removes every association between two records. */
    async delete(from: RecordRef, to: RecordRef): Promise<void> {
      await send({ method: 'DELETE', path: below(from, to.type, to.id) });
    },

    /** Associates pairs of record ids with labels. */
    batchCreate: (
      fromType: string,
      toType: string,
      pairs: readonly LabelledPair[],
      onProgress?: OnProgress,
    ) => sendBatch(send, batches(fromType, toType).create, pairs, onProgress),

    batchCreateDefault: (
      fromType: string,
      toType: string,
      pairs: readonly RecordPair[],
      onProgress?: OnProgress,
    ) => sendBatch(send, batches(fromType, toType).createDefault, pairs, onProgress),

    /** Removes every association of each pair. */
    batchDelete: (fromType: string, toType: string, pairs: readonly RecordPair[], onProgress?: OnProgress) =>
      sendBatch(send, batches(fromType, toType).archive, pairs, onProgress),

    /** Removes labels. A pair stays associated while it has another label or the unlabelled association. */
    batchDeleteLabels: (
      fromType: string,
      toType: string,
      pairs: readonly LabelledPair[],
      onProgress?: OnProgress,
    ) => sendBatch(send, batches(fromType, toType).archiveLabels, pairs, onProgress),

    /**
     * The first 500 associations of each record; `to` is empty for none. If `paging.next` is set, `list` reads the
     * others. For unknown ids HubSpot returns an empty `to`, too.
     */
    batchRead: (fromType: string, toType: string, ids: readonly string[], onProgress?: OnProgress) =>
      sendBatch(send, batches(fromType, toType).read, ids, onProgress),

    labels: associationLabels(send, paths),

    limits: associationLimits(send, paths),
  };
}
