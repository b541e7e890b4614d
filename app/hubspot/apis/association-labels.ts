import { z } from 'zod';
import { readAnswer } from '../client/answer.ts';
import type { Send } from '../client/http.ts';
import { pathPart } from '../client/path-part.ts';
import { apiPaths } from '../versions.ts';

/** One kind of association in one direction; the plain one has no label. */
export const associationLabel = z.object({
  category: z.string(),
  typeId: z.number(),
  label: z.string().nullish(),
});

export type AssociationLabel = z.output<typeof associationLabel>;

const labels = z.object({ results: z.array(associationLabel) });

/** A portal's kinds of association; part of the associations API. */
export function associationLabels(send: Send, paths = apiPaths) {
  const pathOf = (fromType: string, toType: string) =>
    `${paths.associationLabels.path}/${pathPart(fromType)}/${pathPart(toType)}/labels`;

  return {
    /** Every kind of association from one type to another. */
    async list(fromType: string, toType: string): Promise<AssociationLabel[]> {
      const request = { method: 'GET', path: pathOf(fromType, toType) } as const;
      return readAnswer(labels, await send(request), request).results;
    },

    /** Defines a label. The result has one kind for each direction. */
    async create(
      fromType: string,
      toType: string,
      json: { name: string; label: string; inverseLabel?: string },
    ): Promise<AssociationLabel[]> {
      const request = { method: 'POST', path: pathOf(fromType, toType) } as const;
      return readAnswer(labels, await send({ ...request, json }), request).results;
    },

    async rename(
      fromType: string,
      toType: string,
      json: { associationTypeId: number; label: string; inverseLabel?: string },
    ): Promise<void> {
      await send({ method: 'PUT', path: pathOf(fromType, toType), json });
    },

    /** Deletes a label. Records that were associated only by it are no longer associated. */
    async delete(fromType: string, toType: string, typeId: number): Promise<void> {
      await send({ method: 'DELETE', path: `${pathOf(fromType, toType)}/${typeId}` });
    },
  };
}
