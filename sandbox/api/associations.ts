import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import type { AssociationType } from '../state/association-types.ts';
import type { CrmRecord } from '../state/record.ts';
import { associatedWith } from './associated-objects.ts';
import { associationScope } from './association-scope.ts';
import { associate, associationSpec, kindOf, otherRecord, plainKind } from './association-writes.ts';
import { answerBatch } from './batch-answer.ts';
import { afterId, parseInput } from './request-input.ts';

export const MAX_ASSOCIATIONS = 500;
const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_ASSOCIATIONS).default(MAX_ASSOCIATIONS),
  after: afterId,
});
const specs = z.array(associationSpec).min(1);

/** The associations of one record, below `/crm/v4/objects` and `/crm/objects/{version}`. */
export function associationsApi(ctx: SandboxContext): Router {
  const scoped = associationScope(ctx);
  const routes = Router({ mergeParams: true });

  routes.get('/:objectId/associations/:toObjectType', (req, res) => {
    const { scope, to } = scoped(req, res, 'read');
    const { limit, after } = parseInput(listQuery, req.query);
    const record = otherRecord(scope, scope.type, String(req.params.objectId));
    res.json(associationPage(associatedWith(ctx, record, to), limit, after));
  });

  routes.put('/:objectId/associations/default/:toObjectType/:toObjectId', (req, res) => {
    const { scope, to, from, other } = pairOf(req, res);
    const kind = plainKind(scope, to);
    associate(scope, from, other, [kind]);
    answerBatch(res, 200, bothDirections(ctx, from, other, kind));
  });

  routes.put('/:objectId/associations/:toObjectType/:toObjectId', (req, res) => {
    const { scope, to, from, other } = pairOf(req, res);
    const kinds = parseInput(specs, req.body).map((spec) => kindOf(scope, spec, to));
    associate(scope, from, other, kinds);
    res.status(201).json(labelsBetween(from, other, kinds));
  });

  routes.delete('/:objectId/associations/:toObjectType/:toObjectId', (req, res) => {
    const { scope, from, other } = pairOf(req, res);
    ctx.associations.remove(from, other, undefined, scope.source);
    res.status(204).end();
  });

  function pairOf(req: Request, res: Response) {
    const { scope, to } = scoped(req, res, 'write');
    const from = otherRecord(scope, scope.type, String(req.params.objectId));
    return { scope, to, from, other: otherRecord(scope, to, String(req.params.toObjectId)) };
  }

  return Router().use(
    ['/crm/v4/objects/:objectType', '/crm/objects/2026-03/:objectType', '/crm/objects/2026-09/:objectType'],
    routes,
  );
}

/** SPEC `MultiAssociatedObjectWithLabel`, a page at a time. `after` is the first id of the next page. */
export function associationPage(
  all: readonly { toId: string; types: readonly AssociationType[] }[],
  limit: number,
  after: string | undefined,
) {
  const rest = after === undefined ? all : all.filter(({ toId }) => Number(toId) >= Number(after));
  const next = rest[limit]?.toId;
  return {
    results: rest.slice(0, limit).map(({ toId, types }) => ({
      toObjectId: toId,
      associationTypes: types.map(({ category, typeId, label }) => ({ category, typeId, label })),
    })),
    ...(next !== undefined && { paging: { next: { after: next, link: `?after=${next}` } } }),
  };
}

/** SPEC `LabelsBetweenObjectPair`. */
export function labelsBetween(from: CrmRecord, to: CrmRecord, kinds: readonly AssociationType[]) {
  return {
    fromObjectTypeId: from.type.id,
    fromObjectId: from.id,
    toObjectTypeId: to.type.id,
    toObjectId: to.id,
    labels: kinds.flatMap(({ label }) => label ?? []),
  };
}

/** SPEC `PublicDefaultAssociation`, once for each side. */
export function bothDirections(ctx: SandboxContext, from: CrmRecord, to: CrmRecord, kind: AssociationType) {
  const inverse = ctx.associationLabels.inverse(from.portalId, kind);
  return [
    { one: from, other: to, type: kind },
    { one: to, other: from, type: inverse },
  ].map(({ one, other, type }) => ({
    from: { id: one.id },
    to: { id: other.id },
    associationSpec: { associationCategory: type.category, associationTypeId: type.typeId },
  }));
}
