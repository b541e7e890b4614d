import { z } from 'zod';
import { readAnswer } from '../client/answer.ts';
import { type Batch, sendBatch } from '../client/batch.ts';
import type { StandardError } from '../client/error-body.ts';
import type { Send } from '../client/http.ts';
import { pathPart } from '../client/path-part.ts';
import { apiPaths } from '../versions.ts';
import { associationLabel } from './association-labels.ts';

const limit = associationLabel.extend({ userEnforcedMaxToObjectIds: z.number().int().optional() });
const limits = z.object({ results: z.array(limit) });

/** A kind of association and the portal's limit of records for it, if set. */
export type AssociationLimit = z.output<typeof limit>;

/** A kind of association in one direction, from {@link associationLabels}. */
export interface AssociationKind {
  readonly category: string;
  readonly typeId: number;
}

export interface NewLimit extends AssociationKind {
  readonly maxToObjectIds: number;
}

/** Documented maximum of inputs per request. */
const MOST = 100;

/**
 * How many records one record may be associated with; part of the associations API.
 * @see https://developers.hubspot.com/docs/api-reference/crm-associations-v4/guide (limit associations)
 */
export function associationLimits(send: Send, paths = apiPaths) {
  const base = `${paths.associationLabels.path}/definitions/configurations`;
  const pathOf = (fromType: string, toType: string) => `${base}/${pathPart(fromType)}/${pathPart(toType)}`;

  const writing = (path: string): Batch<NewLimit, AssociationLimit> => ({
    limit: MOST,
    request: (inputs) => ({ method: 'POST', path, json: { inputs }, idempotent: true }),
    result: limit,
    isResultOf: (it, { category, typeId }) => it.category === category && it.typeId === typeId,
    isErrorOf: isAbout,
  });

  return {
    /** Every limit of the portal. */
    async listAll(): Promise<AssociationLimit[]> {
      const request = { method: 'GET', path: `${base}/all` } as const;
      return readAnswer(limits, await send(request), request).results;
    },

    /** The kinds from one type to another, with their limits. */
    async list(fromType: string, toType: string): Promise<AssociationLimit[]> {
      const request = { method: 'GET', path: pathOf(fromType, toType) } as const;
      return readAnswer(limits, await send(request), request).results;
    },

    /** Creates limits. */
    create: (fromType: string, toType: string, inputs: readonly NewLimit[]) =>
      sendBatch(send, writing(`${pathOf(fromType, toType)}/batch/create`), inputs),

    /** Changes limits. */
    update: (fromType: string, toType: string, inputs: readonly NewLimit[]) =>
      sendBatch(send, writing(`${pathOf(fromType, toType)}/batch/update`), inputs),

    /** Removes limits. */
    delete: (fromType: string, toType: string, inputs: readonly AssociationKind[]) =>
      sendBatch(send, purging(`${pathOf(fromType, toType)}/batch/purge`), inputs),
  };
}

const purging = (path: string): Batch<AssociationKind, true> => ({
  limit: MOST,
  request: (inputs) => ({
    method: 'POST',
    path,
    json: { inputs: inputs.map(({ category, typeId }) => ({ category, typeId })) },
    idempotent: true,
  }),
  result: z.literal(true),
  isResultOf: () => false,
  isErrorOf: isAbout,
  silence: true,
});

const isAbout = ({ context }: StandardError, { typeId }: AssociationKind) =>
  Object.entries(context).some(([key, ids]) => /typeId/i.test(key) && ids.includes(String(typeId)));
