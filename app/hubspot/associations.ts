import { z } from 'zod';
import { readAnswer } from './answer.ts';
import { apiPaths } from './api-paths.ts';
import { type Batch, type OnProgress, type StandardError, sendBatch } from './batch.ts';
import { type AssociationSpec, nextPage } from './crm-record.ts';
import type { Send } from './http.ts';

const label = z.object({ category: z.string(), typeId: z.number(), label: z.string().nullish() });
const associated = z.object({ toObjectId: z.coerce.string(), associationTypes: z.array(label) });
const page = z.object({ results: z.array(associated), paging: nextPage });
const ref = z.object({ id: z.string() });
const pair = z.object({
  fromObjectId: z.coerce.string(),
  toObjectId: z.coerce.string(),
  labels: z.array(z.string()),
});
const plain = z.object({ from: ref, to: ref });
const many = z.object({ from: ref, to: z.array(associated), paging: nextPage });
const labels = z.object({ results: z.array(label) });

/** A record on the other side, and each kind of association that leads to it. */
export type Associated = z.output<typeof associated>;
export type AssociationLabel = z.output<typeof label>;

/** One side of an association: `{ type: 'contacts', id: '101' }`. */
export interface RecordRef {
  readonly type: string;
  readonly id: string;
}

export interface RecordPair {
  readonly from: string;
  readonly to: string;
}

export interface LabelledPair extends RecordPair {
  readonly types: readonly AssociationSpec[];
}

/** Documented most of one request. */
const PAGE = 500;
const MAX_WRITTEN = 2000;
const MAX_READ = 1000;

export type AssociationsApi = ReturnType<typeof createAssociationsApi>;

/**
 * Which records belong together, and how. The type ids of the two directions differ.
 * @see https://developers.hubspot.com/docs/api-reference/crm-associations-v4/guide
 */
export function createAssociationsApi(send: Send, paths = apiPaths) {
  const between = (from: RecordRef, to: RecordRef) =>
    `${sideOf(from)}/${encodeURIComponent(to.type)}/${encodeURIComponent(to.id)}`;
  const sideOf = ({ type, id }: RecordRef) =>
    `${paths.recordAssociations.path}/${encodeURIComponent(type)}/${encodeURIComponent(id)}/associations`;
  const batchPath = (fromType: string, toType: string, verb: string) =>
    `${paths.associations.path}/${encodeURIComponent(fromType)}/${encodeURIComponent(toType)}/batch/${verb}`;
  const labelsPath = (fromType: string, toType: string) =>
    `${paths.associationLabels.path}/${encodeURIComponent(fromType)}/${encodeURIComponent(toType)}/labels`;
  const writing = <Input, Result>(
    path: string,
    batch: Omit<Batch<Input, Result>, 'request' | 'limit'>,
    body: (input: Input) => object,
  ) => ({
    limit: MAX_WRITTEN,
    request: (inputs: readonly Input[]) =>
      ({ method: 'POST', path, json: { inputs: inputs.map(body) }, idempotent: true }) as const,
    ...batch,
  });

  return {
    /** Every record of a type that a record is associated with. */
    async *list(from: RecordRef, toType: string): AsyncGenerator<Associated, void> {
      for (let after: string | undefined; ; ) {
        const path = `${sideOf(from)}/${encodeURIComponent(toType)}`;
        const request = { method: 'GET', path, query: { limit: PAGE, after } } as const;
        const { results, paging } = readAnswer(page, await send(request), request);
        yield* results;
        after = paging?.next?.after;
        if (after === undefined) return;
      }
    },

    /** Associates two records without a label; once is as good as twice. */
    async createDefault(from: RecordRef, to: RecordRef): Promise<void> {
      const path = `${sideOf(from)}/default/${encodeURIComponent(to.type)}/${encodeURIComponent(to.id)}`;
      await send({ method: 'PUT', path });
    },

    /** Associates two records with these labels, which are those of the direction `from` → `to`. */
    async create(from: RecordRef, to: RecordRef, types: readonly AssociationSpec[]): Promise<void> {
      await send({ method: 'PUT', path: between(from, to), json: types });
    },

    /** Ends every association between two records. */
    async delete(from: RecordRef, to: RecordRef): Promise<void> {
      await send({ method: 'DELETE', path: between(from, to) });
    },

    /** Associates pairs of record ids with labels. */
    batchCreate: (
      fromType: string,
      toType: string,
      pairs: readonly LabelledPair[],
      onProgress?: OnProgress,
    ) =>
      sendBatch(
        send,
        writing(
          batchPath(fromType, toType, 'create'),
          {
            result: pair,
            isResultOf: (it, { from, to }) => it.fromObjectId === from && it.toObjectId === to,
            isErrorOf: names,
          },
          ({ from, to, types }: LabelledPair) => ({ from: { id: from }, to: { id: to }, types }),
        ),
        pairs,
        onProgress,
      ),

    batchCreateDefault: (
      fromType: string,
      toType: string,
      pairs: readonly RecordPair[],
      onProgress?: OnProgress,
    ) =>
      sendBatch(
        send,
        writing(
          batchPath(fromType, toType, 'associate/default'),
          {
            result: plain,
            isResultOf: (it, { from, to }: RecordPair) => it.from.id === from && it.to.id === to,
            isErrorOf: names,
          },
          asRefs,
        ),
        pairs,
        onProgress,
      ),

    /** Ends every association of each pair. */
    batchDelete: (fromType: string, toType: string, pairs: readonly RecordPair[], onProgress?: OnProgress) =>
      sendBatch(
        send,
        writing(
          batchPath(fromType, toType, 'archive'),
          { ...gone, isErrorOf: names },
          ({ from, to }: RecordPair) => ({ from: { id: from }, to: [{ id: to }] }),
        ),
        pairs,
        onProgress,
      ),

    /** Takes labels away; a pair stays associated while a label or the plain association is left. */
    batchDeleteLabels: (
      fromType: string,
      toType: string,
      pairs: readonly LabelledPair[],
      onProgress?: OnProgress,
    ) =>
      sendBatch(
        send,
        writing(
          batchPath(fromType, toType, 'labels/archive'),
          { ...gone, isErrorOf: names },
          ({ from, to, types }: LabelledPair) => ({ from: { id: from }, to: { id: to }, types }),
        ),
        pairs,
        onProgress,
      ),

    /** The first 500 associations of each record; `more` says that there are others, which `list` reads. */
    async batchRead(fromType: string, toType: string, ids: readonly string[], onProgress?: OnProgress) {
      const outcomes = await sendBatch(
        send,
        {
          limit: MAX_READ,
          request: (inputs) => ({
            method: 'POST',
            path: batchPath(fromType, toType, 'read'),
            json: { inputs: inputs.map((id) => ({ id })) },
            idempotent: true,
          }),
          result: many,
          isResultOf: (it, id: string) => it.from.id === id,
          isErrorOf: (error, id) => error.context?.fromObjectId?.includes(id) ?? false,
        },
        ids,
        onProgress,
      );
      return outcomes.map(({ input, result, failure }) =>
        result
          ? { input, result: { to: result.to, more: result.paging?.next !== undefined } }
          : { input, failure },
      );
    },

    labels: {
      /** Every kind of association from one type to another. */
      async list(fromType: string, toType: string): Promise<AssociationLabel[]> {
        const request = { method: 'GET', path: labelsPath(fromType, toType) } as const;
        return readAnswer(labels, await send(request), request).results;
      },

      /** Defines a label; the answer holds one kind for each direction. */
      async create(
        fromType: string,
        toType: string,
        json: { name: string; label: string; inverseLabel?: string },
      ): Promise<AssociationLabel[]> {
        const request = { method: 'POST', path: labelsPath(fromType, toType) } as const;
        return readAnswer(labels, await send({ ...request, json }), request).results;
      },

      async rename(
        fromType: string,
        toType: string,
        json: { associationTypeId: number; label: string; inverseLabel?: string },
      ): Promise<void> {
        await send({ method: 'PUT', path: labelsPath(fromType, toType), json });
      },

      /** Deletes a label; records that were associated with nothing else are so no more. */
      async delete(fromType: string, toType: string, typeId: number): Promise<void> {
        await send({ method: 'DELETE', path: `${labelsPath(fromType, toType)}/${typeId}` });
      },
    },
  };
}

const gone = { result: z.literal(true), isResultOf: () => false, silence: true } as const;

const asRefs = ({ from, to }: RecordPair) => ({ from: { id: from }, to: { id: to } });

/** HubSpot names one side of a pair, or both. */
function names({ context = {} }: StandardError, { from, to }: RecordPair): boolean {
  const told = Object.values(context).flat();
  return told.includes(from) || told.includes(to);
}
