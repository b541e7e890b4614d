import { type Response, Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import type { AssociationType } from '../state/association-types.ts';
import { validationError } from './api-error.ts';
import { labelBody } from './association-labels.ts';
import { associationScope } from './association-scope.ts';
import { answerBatch, eachAlone } from './batch-answer.ts';
import { accessOf } from './bearer.ts';
import { parseInput } from './request-input.ts';

const kindInput = z.object({ category: z.string(), typeId: z.number().int() });
const limitInput = kindInput.extend({ maxToObjectIds: z.number().int().min(1) });

const generations = [
  { base: '/crm/v4/associations', created: 201, purged: 204 },
  { base: '/crm/associations/v4', created: 201, purged: 204 },
  { base: '/crm/associations/2026-03', created: 201, purged: 200 },
  { base: '/crm/associations/2026-09', created: 200, purged: 200 },
];

/** Limits of associations per record, by kind: `…/definitions/configurations`. */
export function associationLimitsApi(ctx: SandboxContext): Router {
  const router = Router();
  for (const { base, created, purged } of generations) {
    const path = `${base}/definitions/configurations`;
    router.get(`${path}/all`, (_req, res) => {
      const { portalId } = accessOf(res);
      const results = ctx.associationLabels.limits(portalId).map(({ type }) => limitBody(portalId, type));
      res.json({ results });
    });
    router.use(`${path}/:objectType/:toObjectType`, pairRoutes({ created, purged }));
  }

  function pairRoutes(status: { created: number; purged: number }): Router {
    const scoped = associationScope(ctx);
    const routes = Router({ mergeParams: true });

    routes.get('/', (req, res) => {
      const { scope, to } = scoped(req, res, 'read');
      const kinds = ctx.associationLabels.list(scope.portalId, scope.type, to);
      res.json({ results: kinds.map((kind) => limitBody(scope.portalId, kind)) });
    });

    for (const [verb, code] of [
      ['create', status.created],
      ['update', 200],
    ] as const) {
      routes.post(`/batch/${verb}`, (req, res) => {
        const { scope, to } = scoped(req, res, 'write');
        const { inputs } = parseInput(z.object({ inputs: z.array(limitInput).min(1) }), req.body);
        const { results, errors } = eachAlone(inputs, ({ maxToObjectIds, ...kind }) => {
          const type = ctx.associationLabels.find(scope.portalId, scope.type, { ...kind, to });
          if (!type) throw validationError(`There is no association type ${kind.category}/${kind.typeId}.`);
          ctx.associationLabels.setLimit(scope.portalId, type, maxToObjectIds);
          return limitBody(scope.portalId, type);
        });
        answerBatch(res, code, results, errors);
      });
    }

    routes.post('/batch/purge', (req, res) => {
      const { scope, to } = scoped(req, res, 'write');
      const { inputs } = parseInput(z.object({ inputs: z.array(kindInput).min(1) }), req.body);
      for (const kind of inputs) {
        const type = ctx.associationLabels.find(scope.portalId, scope.type, { ...kind, to });
        if (type) ctx.associationLabels.setLimit(scope.portalId, type, undefined);
      }
      answerPurged(res, status.purged);
    });

    return routes;
  }

  function limitBody(portalId: number, type: AssociationType) {
    const limit = ctx.associationLabels.limitOf(portalId, type);
    return { ...labelBody(type), ...(limit !== undefined && { userEnforcedMaxToObjectIds: limit }) };
  }

  return router;
}

function answerPurged(res: Response, status: number) {
  if (status === 204) res.status(204).end();
  else answerBatch(res, status, []);
}
