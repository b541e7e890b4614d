import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { SandboxContext } from '../context.ts';
import type { Member, RecordList } from '../state/lists.ts';
import { type ObjectType, objectTypes } from '../state/object-types.ts';
import { notFound, validationError } from './api-error.ts';
import { accessOf, requireScope } from './bearer.ts';
import { afterId, flag, parseInput } from './request-input.ts';

const recordId = z
  .union([z.string(), z.number().int()])
  .transform(String)
  .pipe(z.string().regex(/^\d{1,19}$/, 'a record id is a number'));
const recordIds = z.array(recordId).max(100_000, 'at most 100,000 records can be changed at once');
const bothWays = z.object({ recordIdsToAdd: recordIds, recordIdsToRemove: recordIds });

const searchBody = z.object({
  query: z.string().optional(),
  objectTypeId: z.string().optional(),
  processingTypes: z.array(z.enum(['MANUAL', 'SNAPSHOT', 'DYNAMIC'])).default([]),
  listIds: z.array(z.string()).default([]),
  additionalProperties: z.array(z.string()).default([]),
  count: z.number().int().min(1).max(500).default(20),
  offset: z.number().int().min(0).default(0),
});
const readQuery = z.object({ includeFilters: flag });
const memberQuery = z.object({
  limit: z.coerce.number().int().min(1).max(250).default(100),
  after: afterId,
});

/** Lists, called segments in HubSpot's UI, and their members. */
export function listsApi({ lists, records }: SandboxContext): Router {
  const routes = Router();

  routes.post('/search', (req, res) => {
    const portalId = reading(res);
    const {
      query = '',
      objectTypeId,
      processingTypes,
      listIds,
      count,
      offset,
    } = parseInput(searchBody, req.body ?? {});
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const found = lists.all(portalId).filter(({ id, name, type, processingType }) => {
      return (
        words.every((word) => name.toLowerCase().includes(word)) &&
        (objectTypeId === undefined || type.id === objectTypeId) &&
        (processingTypes.length === 0 || processingTypes.includes(processingType)) &&
        (listIds.length === 0 || listIds.includes(id))
      );
    });
    const page = found.slice(offset, offset + count);
    res.json({
      offset: offset + page.length,
      hasMore: offset + page.length < found.length,
      total: found.length,
      lists: page.map((list) => {
        const size = lists.membersOf(list).length;
        return { ...listBody(list), additionalProperties: { hs_list_size: String(size) } };
      }),
    });
  });

  routes.get('/object-type-id/:objectTypeId/name/:listName', (req, res) => {
    const portalId = reading(res);
    const type = typeOf(req.params.objectTypeId);
    const name = req.params.listName;
    const found = lists.all(portalId).find((list) => list.type === type && list.name === name);
    if (!found) throw notFound(`List does not exist with name ${name} and object type ID ${type.id}.`);
    res.json({ list: shown(req, found) });
  });

  routes.get('/records/:objectTypeId/:recordId/memberships', (req, res) => {
    const portalId = reading(res);
    const type = typeOf(req.params.objectTypeId);
    const id = parseInput(recordId, req.params.recordId);
    const results = lists
      .all(portalId)
      .filter((list) => list.type === type)
      .flatMap((list) => {
        const member = lists.membersOf(list).find(({ record }) => record.id === id);
        return member ? [membershipBody(list, member)] : [];
      });
    res.json({ results, total: results.length });
  });

  routes.get('/:listId', (req, res) => {
    res.json({ list: shown(req, listNamed(req, reading(res))) });
  });

  routes.get('/:listId/memberships', (req, res) => {
    const { limit, after } = parseInput(memberQuery, req.query);
    const all = lists.membersOf(listNamed(req, reading(res)));
    const rest = after === undefined ? all : all.filter(({ record }) => Number(record.id) >= Number(after));
    const next = rest[limit]?.record.id;
    res.json({
      total: all.length,
      results: rest.slice(0, limit).map(({ record, membership }) => {
        return { recordId: record.id, membershipTimestamp: iso(membership.lastAdded) };
      }),
      ...(next !== undefined && { paging: { next: { after: next, link: `?after=${next}` } } }),
    });
  });

  routes.put('/:listId/memberships/add', (req, res) => {
    change(req, res, (body) => ({ add: parseInput(recordIds, body), remove: [] }));
  });

  routes.put('/:listId/memberships/remove', (req, res) => {
    change(req, res, (body) => ({ add: [], remove: parseInput(recordIds, body) }));
  });

  routes.put('/:listId/memberships/add-and-remove', (req, res) => {
    change(req, res, (body) => {
      const { recordIdsToAdd, recordIdsToRemove } = parseInput(bothWays, body);
      return { add: recordIdsToAdd, remove: recordIdsToRemove };
    });
  });

  routes.delete('/:listId/memberships', (req, res) => {
    const list = changeable(listNamed(req, writing(res)));
    for (const { record } of lists.membersOf(list)) lists.remove(list, record.id);
    res.status(204).end();
  });

  function change(
    req: Request,
    res: Response,
    read: (body: unknown) => { add: readonly string[]; remove: readonly string[] },
  ) {
    const list = changeable(listNamed(req, writing(res)));
    const { add, remove } = read(req.body);
    const isThere = (id: string) => {
      const record = records.find(list.portalId, list.type, id);
      return record !== undefined && record.archivedAt === undefined;
    };
    res.json({
      recordsIdsAdded: add.filter((id) => isThere(id) && lists.add(list, id)),
      recordIdsRemoved: remove.filter((id) => isThere(id) && lists.remove(list, id)),
      recordIdsMissing: [...new Set([...add, ...remove])].filter((id) => !isThere(id)),
    });
  }

  function listNamed(req: Request, portalId: number): RecordList {
    const id = String(req.params.listId);
    const found = lists.find(portalId, id);
    if (!found) throw notFound(`List does not exist with ID ${id}.`);
    return found;
  }

  function shown(req: Request, list: RecordList) {
    const { includeFilters } = parseInput(readQuery, req.query);
    return {
      ...listBody(list),
      size: lists.membersOf(list).length,
      ...(includeFilters && list.filter && { filterBranch: filterBody(list.filter) }),
    };
  }

  return Router().use(['/crm/v3/lists', '/crm/lists/2026-03', '/crm/lists/2026-09'], routes);
}

function reading(res: Response): number {
  requireScope(res, ['crm.lists.read', 'crm.segments.read']);
  return accessOf(res).portalId;
}

/** HubSpot documents one of the two scopes but requires both. */
function writing(res: Response): number {
  requireScope(res, ['crm.lists.write', 'crm.segments.write']);
  return reading(res);
}

/** By id: these paths do not accept names. */
function typeOf(id: string): ObjectType {
  const found = objectTypes.find((type) => type.id === id);
  if (!found) throw validationError(`${id} is not the id of an object type.`);
  return found;
}

function changeable(list: RecordList): RecordList {
  if (list.processingType !== 'DYNAMIC') return list;
  throw validationError(
    `The memberships of list ${list.id} cannot be changed: its processing type is DYNAMIC.`,
  );
}

const iso = (at: number) => new Date(at).toISOString();

/** SPEC `PublicObjectList`. */
function listBody({ id, name, type, processingType, createdAt, updatedAt }: RecordList) {
  return {
    listId: id,
    listVersion: 1,
    name,
    objectTypeId: type.id,
    processingType,
    processingStatus: 'COMPLETE',
    createdAt: iso(createdAt),
    updatedAt: iso(updatedAt),
    filtersUpdatedAt: iso(createdAt),
  };
}

/** SPEC `PublicOrFilterBranch` with the only filter that the sandbox supports. */
function filterBody({ property, value }: { property: string; value: string }) {
  const operation = { operationType: 'ENUMERATION', operator: 'IS_ANY_OF', values: [value] };
  const filters = [{ filterType: 'PROPERTY', property, operation }];
  const branch = { filterBranchType: 'AND', filterBranchOperator: 'AND', filterBranches: [], filters };
  return { filterBranchType: 'OR', filterBranchOperator: 'OR', filterBranches: [branch], filters: [] };
}

/** SPEC `RecordListMembership`. */
function membershipBody({ id }: RecordList, { membership }: Member) {
  return {
    listId: id,
    listVersion: 1,
    isPublicList: true,
    firstAddedTimestamp: iso(membership.firstAdded),
    lastAddedTimestamp: iso(membership.lastAdded),
  };
}
