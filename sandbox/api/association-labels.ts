import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import type { AssociationType } from '../state/association-types.ts';
import { ApiError, notFound, validationError } from './api-error.ts';
import { associationScope } from './association-scope.ts';
import { plainKind } from './association-writes.ts';
import { parseInput } from './request-input.ts';

const text = z.string().trim().min(1);
const createBody = z.object({ name: text, label: text, inverseLabel: text.optional() });
const updateBody = z.object({
  associationTypeId: z.number().int(),
  label: text,
  inverseLabel: text.optional(),
});

const MAX_LABELS = 50;
const paths = [
  '/crm/v4/associations',
  '/crm/associations/v4',
  '/crm/associations/2026-03',
  '/crm/associations/2026-09',
].map((path) => `${path}/:objectType/:toObjectType/labels`);

/** The kinds of association between two object types, and the labels that a portal adds. */
export function associationLabelsApi(ctx: SandboxContext): Router {
  const labels = ctx.associationLabels;
  const scoped = associationScope(ctx);
  const routes = Router({ mergeParams: true });

  routes.get('/', (req, res) => {
    const { scope, to } = scoped(req, res, 'read');
    res.json({ results: labels.list(scope.portalId, scope.type, to).map(labelBody) });
  });

  routes.post('/', (req, res) => {
    const { scope, to } = scoped(req, res, 'write');
    const { name, label, inverseLabel = label } = parseInput(createBody, req.body);
    plainKind(scope, to);
    const own = labels.list(scope.portalId, scope.type, to).filter(isOwn);
    if (own.length >= MAX_LABELS) {
      throw validationError(
        `No more than ${MAX_LABELS} association types are allowed between ${scope.type.plural} and ${to.plural}.`,
      );
    }
    if (labels.named(scope.portalId, name) || own.some((kind) => kind.label === label)) {
      throw new ApiError(409, 'CONFLICT', `An association label "${label}" (${name}) exists already.`);
    }
    const made = labels.add(scope.portalId, scope.type, to, { name, label, inverseLabel });
    res.json({ results: made.map(labelBody) });
  });

  routes.put('/', (req, res) => {
    const { associationTypeId, label, inverseLabel = label } = parseInput(updateBody, req.body);
    const { kind, inverse } = ownLabel(req, res, associationTypeId);
    kind.label = label;
    inverse.label = inverseLabel;
    res.status(204).end();
  });

  routes.delete('/:typeId', (req, res) => {
    const { scope, kind, inverse } = ownLabel(req, res, Number(req.params.typeId));
    labels.remove(scope.portalId, [kind, inverse]);
    ctx.associations.forgetTypes(scope.portalId, [kind, inverse]);
    res.status(204).end();
  });

  /** A label of the portal; HubSpot's own labels cannot be changed. */
  function ownLabel(req: Request, res: Response, typeId: number) {
    const { scope, to } = scoped(req, res, 'write');
    const category = 'USER_DEFINED';
    const kind = labels.find(scope.portalId, scope.type, { category, typeId, to });
    if (!kind || !isOwn(kind)) throw notFound(`There is no association label with the id ${typeId}.`);
    return { scope, kind, inverse: labels.inverse(scope.portalId, kind) };
  }

  return Router().use(paths, routes);
}

export function labelBody({ category, typeId, label }: AssociationType) {
  return { category, typeId, label };
}

/** The unlabelled association of a custom type is not a label. */
function isOwn({ category, label }: AssociationType): boolean {
  return category === 'USER_DEFINED' && label !== null;
}
