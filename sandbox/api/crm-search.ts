import type { RequestHandler } from 'express';
import { z } from 'zod';
import { emailsOf, hasFurtherEmails } from '../state/contact-emails.ts';
import type { PropertyType } from '../state/object-types.ts';
import type { CrmRecord } from '../state/record.ts';
import { validationError } from './api-error.ts';
import { associatedWith } from './associated-objects.ts';
import { type Scoped, typeNamed } from './crm-scope.ts';
import { recordBody } from './record-body.ts';
import { parseInput } from './request-input.ts';
import { comparable, type Filter, filterSchema, matchesAssociation, matchesFilter } from './search-filter.ts';
import type { WriteScope } from './write-scope.ts';

const sortSchema = z.union([
  z.string().transform((text) => {
    const descending = text.startsWith('-');
    return { propertyName: descending ? text.slice(1) : text, descending };
  }),
  z
    .object({ propertyName: z.string(), direction: z.enum(['ASCENDING', 'DESCENDING']).default('ASCENDING') })
    .transform(({ propertyName, direction }) => ({ propertyName, descending: direction === 'DESCENDING' })),
]);

const searchBody = z.object({
  filterGroups: z
    .array(z.object({ filters: z.array(filterSchema).max(6, 'a group holds at most 6 filters') }))
    .max(5, 'at most 5 filter groups are allowed')
    .default([]),
  sorts: z.array(sortSchema).max(1, 'at most 1 sort is allowed').default([]),
  query: z.string().max(3000).optional(),
  properties: z.array(z.string()).default([]),
  limit: z.coerce.number().int().min(0).max(200).default(10),
  after: z
    .union([z.string().regex(/^\d*$/), z.number().int()])
    .default('0')
    .transform(Number),
});

const MAX_FILTERS = 18;
const MAX_BODY = 3000;
const MAX_RESULTS = 10_000;

/** `POST …/search`. The sandbox finds changes at once; HubSpot needs a few seconds. */
export function searchRoute(scoped: Scoped): RequestHandler {
  return (req, res) => {
    const scope = scoped(req, res, 'read');
    const { crm, portalId, type } = scope;
    if (JSON.stringify(req.body ?? {}).length > MAX_BODY) {
      throw validationError(`The search request is longer than ${MAX_BODY} characters.`);
    }
    const { filterGroups, sorts, query, properties, limit, after } = parseInput(searchBody, req.body ?? {});
    if (filterGroups.flatMap(({ filters }) => filters).length > MAX_FILTERS) {
      throw validationError(`A search holds at most ${MAX_FILTERS} filters.`);
    }
    if (after + limit > MAX_RESULTS) {
      throw validationError(`A search gives at most ${MAX_RESULTS} results.`, [
        { message: `after + limit must not exceed ${MAX_RESULTS}`, code: 'PAGING_LIMIT', in: 'after' },
      ]);
    }
    const named = filterGroups.flatMap(({ filters }) => filters.map(({ propertyName }) => propertyName));
    checkProperties(scope, [...named, ...sorts.map(({ propertyName }) => propertyName)]);

    const typeOf = (name: string) => crm.properties.typeOf(portalId, type, name);
    const found = crm.records.list(portalId, type).filter((record) => {
      const inGroups =
        filterGroups.length === 0 ||
        filterGroups.some(({ filters }) => filters.every((filter) => matches(scope, record, filter)));
      return inGroups && matchesQuery(record, query);
    });
    const sort = sorts[0];
    if (sort) {
      const { propertyName, descending } = sort;
      const inOrder = (a: CrmRecord, b: CrmRecord) =>
        compare(a, b, propertyName, typeOf(propertyName)) * (descending ? -1 : 1);
      // HubSpot orders records with equal values arbitrarily; here the newest comes first.
      found.reverse().sort(inOrder);
    }

    const end = after + limit;
    res.json({
      total: found.length,
      results: found.slice(after, end).map((record) => recordBody(crm.properties, record, { properties })),
      ...(end < found.length && { paging: { next: { after: String(end) } } }),
    });
  };
}

const associationPrefix = 'associations.';

function matches({ crm, portalId, type }: WriteScope, record: CrmRecord, filter: Filter): boolean {
  const { propertyName } = filter;
  if (propertyName.startsWith(associationPrefix)) {
    const toType = typeNamed(crm, portalId, propertyName.slice(associationPrefix.length));
    const ids = associatedWith(crm, record, toType).map(({ toId }) => toId);
    return matchesAssociation(ids, filter);
  }
  const { properties } = record;
  const byAnyAddress = propertyName === 'email' && filter.operator === 'EQ' && hasFurtherEmails(type);
  const held = byAnyAddress ? emailsOf(properties) : [properties[propertyName]];
  const propertyType = crm.properties.typeOf(portalId, type, propertyName);
  return held.some((value) => matchesFilter(value, propertyType, filter));
}

function checkProperties({ crm, portalId, type }: WriteScope, names: string[]): void {
  const unknown = names.filter(
    (name) => !name.startsWith(associationPrefix) && !crm.properties.find(portalId, type, name),
  );
  if (unknown.length === 0) return;
  throw validationError(
    'There was a problem with the request.',
    unknown.map((name) => ({
      message: `Property "${name}" does not exist`,
      code: 'PROPERTY_DOESNT_EXIST',
      context: { propertyName: [name] },
    })),
  );
}

function matchesQuery(record: CrmRecord, query = ''): boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const text = record.type.queryProperties.map((name) => record.properties[name]?.toLowerCase() ?? '');
  return words.every((word) => text.some((value) => value.includes(word)));
}

/** Records without a value come last in ascending order. */
function compare(a: CrmRecord, b: CrmRecord, name: string, type: PropertyType | undefined): number {
  const left = a.properties[name];
  const right = b.properties[name];
  if (left === undefined || right === undefined)
    return Number(left === undefined) - Number(right === undefined);
  const [x, y] = [comparable(type, left), comparable(type, right)];
  return x < y ? -1 : x > y ? 1 : 0;
}
