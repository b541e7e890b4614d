import { Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import { validationError } from './api-error.ts';
import { shownAssociations } from './associated-objects.ts';
import { newAssociation } from './association-writes.ts';
import { batchRoutes } from './crm-batch.ts';
import { crmScope } from './crm-scope.ts';
import { searchRoute } from './crm-search.ts';
import { MAX_HISTORIES, recordBody, writtenBody } from './record-body.ts';
import { createRecord, existingRecord, updateRecord } from './record-writes.ts';
import { afterId, flag, nameList, parseInput, propertyValues } from './request-input.ts';

const createBody = z.object({
  properties: propertyValues,
  associations: z.array(newAssociation).default([]),
});
const updateBody = z.object({ properties: propertyValues });
const readQuery = z.object({
  properties: nameList,
  propertiesWithHistory: nameList,
  associations: nameList,
  archived: flag,
  idProperty: z.string().optional(),
});
const listQuery = readQuery.extend({
  limit: z.coerce.number().int().min(1).max(100).default(10),
  after: afterId,
});
const mergeBody = z.object({ primaryObjectId: z.string(), objectIdToMerge: z.string() });
const gdprBody = z.object({ objectId: z.string(), idProperty: z.string().optional() });

/**
 * The CRM objects API, one for all object types.
 * Mounted for `/crm/v3/objects/:objectType` and `/crm/objects/{version}/:objectType`.
 */
export function crmObjectsApi(ctx: SandboxContext): Router {
  const { records, properties } = ctx;
  const scoped = crmScope(ctx);
  const routes = Router({ mergeParams: true });

  routes.get('/', (req, res) => {
    const { portalId, type } = scoped(req, res, 'read');
    const { limit, after, archived, associations, ...shown } = parseInput(listQuery, req.query);
    if (shown.propertiesWithHistory.length > 0 && limit > MAX_HISTORIES) {
      throw validationError(`A page with property histories holds at most ${MAX_HISTORIES} records.`);
    }
    const all = records.list(portalId, type, { archived });
    const rest = after === undefined ? all : all.filter(({ id }) => Number(id) >= Number(after));
    const next = rest[limit];
    res.json({
      results: rest.slice(0, limit).map((record) => ({
        ...recordBody(properties, record, shown),
        ...shownAssociations(ctx, record, associations),
      })),
      ...(next && { paging: { next: { after: next.id, link: `?after=${next.id}` } } }),
    });
  });

  routes.post('/', (req, res) => {
    const scope = scoped(req, res, 'write');
    const input = parseInput(createBody, req.body);
    const record = createRecord(scope, input.properties, input.associations);
    res.status(201).json(writtenBody(properties, record, record.properties));
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
    res.json(recordBody(properties, records.merge(primary, other, scope.source)));
  });

  routes.post('/gdpr-delete', (req, res) => {
    const scope = scoped(req, res, 'write');
    if (scope.type.singular !== 'contact') throw validationError('Only contacts can be deleted for privacy.');
    const { objectId, idProperty } = parseInput(gdprBody, req.body);
    records.erase(existingRecord(scope, objectId, idProperty), scope.source);
    res.status(204).end();
  });

  routes.get('/:objectId', (req, res) => {
    const { idProperty, archived, associations, ...shown } = parseInput(readQuery, req.query);
    const record = existingRecord(scoped(req, res, 'read'), req.params.objectId, idProperty, archived);
    res.json({
      ...recordBody(properties, record, shown),
      ...shownAssociations(ctx, record, associations),
    });
  });

  routes.patch('/:objectId', (req, res) => {
    const scope = scoped(req, res, 'write');
    const { idProperty } = parseInput(readQuery, req.query);
    const input = parseInput(updateBody, req.body);
    const record = updateRecord(
      scope,
      existingRecord(scope, req.params.objectId, idProperty),
      input.properties,
    );
    res.json(writtenBody(properties, record, record.properties));
  });

  routes.delete('/:objectId', (req, res) => {
    const scope = scoped(req, res, 'write');
    // Deleting a missing record succeeds, as at HubSpot.
    const found = records.find(scope.portalId, scope.type, req.params.objectId);
    if (found && found.archivedAt === undefined) records.archive(found, scope.source);
    res.status(204).end();
  });

  return Router().use(
    ['/crm/v3/objects/:objectType', '/crm/objects/2026-03/:objectType', '/crm/objects/2026-09/:objectType'],
    routes,
  );
}
