import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import { findObjectType } from '../state/object-types.ts';
import { ApiError, validationError } from './api-error.ts';
import { accessOf, apiSource, requireScope } from './bearer.ts';
import { batchRoutes } from './crm-batch.ts';
import { searchRoute } from './crm-search.ts';
import { recordBody, writtenBody } from './record-body.ts';
import { createRecord, existingRecord, updateRecord, type WriteScope } from './record-writes.ts';
import { flag, nameList, parseInput, propertyValues } from './request-input.ts';

const association = z.object({
  to: z.object({ id: z.string() }),
  types: z.array(z.object({ associationCategory: z.string(), associationTypeId: z.number() })),
});
const createBody = z.object({ properties: propertyValues, associations: z.array(association).default([]) });
const updateBody = z.object({ properties: propertyValues });
const readQuery = z.object({
  properties: nameList,
  propertiesWithHistory: nameList,
  archived: flag,
  idProperty: z.string().optional(),
});
const listQuery = readQuery.extend({
  limit: z.coerce.number().int().min(1).max(100).default(10),
  after: z.string().optional(),
});
const mergeBody = z.object({ primaryObjectId: z.string(), objectIdToMerge: z.string() });
const gdprBody = z.object({ objectId: z.string(), idProperty: z.string().optional() });

/**
 * The CRM objects API, one for all object types.
 * Mounted for `/crm/v3/objects/:objectType` and `/crm/objects/{version}/:objectType`.
 */
export function crmObjectsApi(ctx: SandboxContext): Router {
  const scoped = (req: Request, res: Response, access: 'read' | 'write') => writeScope(ctx, req, res, access);
  const routes = Router({ mergeParams: true });

  routes.get('/', (req, res) => {
    const { records, portalId, type } = scoped(req, res, 'read');
    const { limit, after, archived, ...shown } = parseInput(listQuery, req.query);
    const all = records.list(portalId, type, { archived });
    const rest = after === undefined ? all : all.filter(({ id }) => Number(id) >= Number(after));
    const next = rest[limit];
    res.json({
      results: rest.slice(0, limit).map((record) => recordBody(record, shown)),
      ...(next && { paging: { next: { after: next.id, link: `?after=${next.id}` } } }),
    });
  });

  routes.post('/', (req, res) => {
    const scope = scoped(req, res, 'write');
    const { properties } = parseInput(createBody, req.body);
    const record = createRecord(scope, properties);
    res.status(201).json(writtenBody(record, record.properties));
  });

  routes.post('/search', searchRoute(scoped));
  routes.use('/batch', batchRoutes(scoped));

  routes.post('/merge', (req, res) => {
    const scope = scoped(req, res, 'write');
    if (!scope.type.mergeable) throw validationError(`Records of type ${scope.type.id} cannot be merged.`);
    const body = parseInput(mergeBody, req.body);
    if (body.primaryObjectId === body.objectIdToMerge)
      throw validationError('A record cannot be merged with itself.');
    const primary = existingRecord(scope, body.primaryObjectId);
    const other = existingRecord(scope, body.objectIdToMerge);
    res.json(recordBody(scope.records.merge(primary, other, scope.source)));
  });

  routes.post('/gdpr-delete', (req, res) => {
    const scope = scoped(req, res, 'write');
    if (scope.type.singular !== 'contact') throw validationError('Only contacts can be deleted for privacy.');
    const { objectId, idProperty } = parseInput(gdprBody, req.body);
    scope.records.erase(existingRecord(scope, objectId, idProperty), scope.source);
    res.status(204).end();
  });

  routes.get('/:objectId', (req, res) => {
    const { idProperty, archived, ...shown } = parseInput(readQuery, req.query);
    const record = existingRecord(scoped(req, res, 'read'), req.params.objectId, idProperty, archived);
    res.json(recordBody(record, shown));
  });

  routes.patch('/:objectId', (req, res) => {
    const scope = scoped(req, res, 'write');
    const { idProperty } = parseInput(readQuery, req.query);
    const { properties } = parseInput(updateBody, req.body);
    const record = updateRecord(scope, existingRecord(scope, req.params.objectId, idProperty), properties);
    res.json(writtenBody(record, record.properties));
  });

  routes.delete('/:objectId', (req, res) => {
    const scope = scoped(req, res, 'write');
    // Deleting what is not there succeeds, as at HubSpot.
    const found = scope.records.find(scope.portalId, scope.type, req.params.objectId);
    if (found && found.archivedAt === undefined) scope.records.archive(found, scope.source);
    res.status(204).end();
  });

  return Router().use(
    ['/crm/v3/objects/:objectType', '/crm/objects/2026-03/:objectType', '/crm/objects/2026-09/:objectType'],
    routes,
  );
}

/** The portal, type and rights of a request; throws 400 for an unknown type and 403 without the scope. */
function writeScope(ctx: SandboxContext, req: Request, res: Response, access: 'read' | 'write'): WriteScope {
  const name = String(req.params.objectType);
  const type = findObjectType(name);
  if (!type) throw new ApiError(400, 'VALIDATION_ERROR', `Unable to infer object type from: ${name}`);
  requireScope(res, access === 'read' ? type.readScopes : type.writeScopes);
  const { portalId } = accessOf(res);
  return { records: ctx.records, portalId, type, source: apiSource(ctx.settings.get().appId) };
}
