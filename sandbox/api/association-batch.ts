import { type Response, Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import type { ObjectType } from '../state/object-types.ts';
import { notFound, validationError } from './api-error.ts';
import { associatedWith } from './associated-objects.ts';
import { associationScope } from './association-scope.ts';
import {
  associate,
  associationSpec,
  checkIdentifier,
  kindOf,
  objectRef,
  otherRecord,
  plainKind,
} from './association-writes.ts';
import { associationPage, bothDirections, labelsBetween, MAX_ASSOCIATIONS } from './associations.ts';
import { answerBatch, type BatchError, eachAlone } from './batch-answer.ts';
import { afterId, parseInput } from './request-input.ts';
import type { WriteScope } from './write-scope.ts';

const labelled = z.object({ from: objectRef, to: objectRef, types: z.array(associationSpec).min(1) });
const plain = z.object({ from: objectRef, to: objectRef });
const gone = z.object({ from: objectRef, to: z.array(objectRef) });
const asked = objectRef.extend({ after: afterId });

const MAX_WRITTEN = 2000;
const MAX_READ = 1000;

/** The versions answer the same request with different statuses. */
const generations = [
  { path: '/crm/v4/associations', created: 201, archived: 204 },
  { path: '/crm/associations/2026-03', created: 201, archived: 200 },
  { path: '/crm/associations/2026-09', created: 200, archived: 200 },
];

/** Batches of up to 1,000 associations: `…/{from}/{to}/batch/{create,archive,read,labels/archive,associate/default}`. */
export function associationBatchApi(ctx: SandboxContext): Router {
  const router = Router();
  for (const generation of generations) {
    router.use(`${generation.path}/:objectType/:toObjectType/batch`, batchRoutes(ctx, generation));
  }
  return router;
}

function batchRoutes(ctx: SandboxContext, status: { created: number; archived: number }): Router {
  const scoped = associationScope(ctx);
  const routes = Router({ mergeParams: true });

  routes.post('/create', (req, res) => {
    const { scope, to: toType } = scoped(req, res, 'write');
    const { results, errors } = eachAlone(inputsOf(labelled, req.body), ({ from, to, types }) => {
      const record = otherRecord(scope, scope.type, from.id);
      const other = otherRecord(scope, toType, to.id);
      const kinds = types.map((spec) => kindOf(scope, spec, toType));
      associate(scope, record, other, kinds);
      return labelsBetween(record, other, kinds);
    });
    answerBatch(res, status.created, results, errors);
  });

  routes.post('/associate/default', (req, res) => {
    const { scope, to: toType } = scoped(req, res, 'write');
    const kind = plainKind(scope, toType);
    const { results, errors } = eachAlone(inputsOf(plain, req.body), ({ from, to }) => {
      const record = otherRecord(scope, scope.type, from.id);
      const other = otherRecord(scope, toType, to.id);
      associate(scope, record, other, [kind]);
      return bothDirections(ctx, record, other, kind);
    });
    answerBatch(res, 200, results.flat(), errors);
  });

  routes.post('/archive', (req, res) => {
    const { scope, to: toType } = scoped(req, res, 'write');
    const { errors } = eachAlone(inputsOf(gone, req.body), ({ from, to }) => {
      const record = findNamed(scope, scope.type, from.id);
      const others = to.map(({ id }) => findNamed(scope, toType, id));
      for (const other of others) {
        if (record && other) ctx.associations.remove(record, other, undefined, scope.source);
      }
    });
    answerArchived(res, errors);
  });

  routes.post('/labels/archive', (req, res) => {
    const { scope, to: toType } = scoped(req, res, 'write');
    const { errors } = eachAlone(inputsOf(labelled, req.body), ({ from, to, types }) => {
      const record = findNamed(scope, scope.type, from.id);
      const other = findNamed(scope, toType, to.id);
      const kinds = types.map((spec) => kindOf(scope, spec, toType));
      if (record && other) ctx.associations.remove(record, other, kinds, scope.source);
    });
    answerArchived(res, errors);
  });

  routes.post('/read', (req, res) => {
    const { scope, to: toType } = scoped(req, res, 'read');
    const { results, errors } = eachAlone(inputsOf(asked, req.body, MAX_READ), ({ id, after }) => {
      const record = findNamed(scope, scope.type, id);
      const found = record ? associatedWith(ctx, record, toType) : [];
      if (found.length === 0) {
        const [one, other] = [scope.type.singular, toType.singular];
        throw notFound(`No ${other} is associated with ${one} ${id}.`, {
          subCategory: 'crm.associations.NO_ASSOCIATIONS_FOUND',
          context: { fromObjectId: [id], fromObjectType: [one], toObjectType: [other] },
        });
      }
      const { results: to, paging } = associationPage(found, MAX_ASSOCIATIONS, after);
      return { from: { id }, to, ...(paging && { paging }) };
    });
    answerBatch(res, 200, results, errors);
  });

  /** Undefined when no record has the id; throws 400 for an invalid id. */
  function findNamed({ portalId }: WriteScope, type: ObjectType, id: string) {
    checkIdentifier(type, id);
    return ctx.records.find(portalId, type, id);
  }

  function answerArchived(res: Response, errors: readonly BatchError[]) {
    if (status.archived === 204 && errors.length === 0) res.status(204).end();
    else answerBatch(res, status.archived, [], errors);
  }

  return routes;
}

function inputsOf<T>(input: z.ZodType<T>, body: unknown, max = MAX_WRITTEN): T[] {
  const { inputs } = parseInput(z.object({ inputs: z.array(input).min(1) }), body);
  if (inputs.length > max) {
    throw validationError(`The maximum batch size is ${max}, but ${inputs.length} inputs were sent.`);
  }
  return inputs;
}
