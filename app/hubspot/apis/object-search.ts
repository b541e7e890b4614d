import { z } from 'zod';
import { AppError } from '../../base/errors.ts';
import { readAnswer } from '../client/answer.ts';
import type { Send } from '../client/http.ts';
import { createAdvance, patientAfter } from '../client/pages.ts';
import { type CrmRecord, crmRecord, nextPage } from './crm-record.ts';
import { isTooLong, withProperties } from './long-reads.ts';

type ValueOperator = 'EQ' | 'NEQ' | 'LT' | 'LTE' | 'GT' | 'GTE' | 'CONTAINS_TOKEN' | 'NOT_CONTAINS_TOKEN';

export type SearchFilter = { readonly propertyName: string } & (
  | { readonly operator: ValueOperator; readonly value: string }
  | { readonly operator: 'BETWEEN'; readonly value: string; readonly highValue: string }
  | { readonly operator: 'IN' | 'NOT_IN'; readonly values: readonly string[] }
  | { readonly operator: 'HAS_PROPERTY' | 'NOT_HAS_PROPERTY' }
);

export interface SearchQuery {
  /** All of these must match. */
  readonly filters?: readonly SearchFilter[];
  /** Alternatives: all filters of at least one group must match. At most 5 groups of 6 filters, 18 in all. */
  readonly filterGroups?: readonly { readonly filters: readonly SearchFilter[] }[];
  /** Words that HubSpot's default searchable properties must contain. */
  readonly query?: string | undefined;
  readonly properties?: readonly string[];
  /** By default records are ordered by id. */
  readonly sort?: { readonly propertyName: string; readonly direction?: 'ASCENDING' | 'DESCENDING' };
  /** Records per page, 200 at most. All pages are read. */
  readonly limit?: number;
}

const PAGE = 200;
/** HubSpot answers 400 when a search continues past this many results. */
const WINDOW = 10_000;
const ID = 'hs_object_id';
const MAX_FILTERS_OF_GROUP = 6;
const MAX_FILTERS = 18;

const page = z.object({ results: z.array(crmRecord), paging: nextPage, total: z.number().optional() });

/** @see https://developers.hubspot.com/docs/api-reference/search/guide */
export async function* searchRecords(
  send: Send,
  path: string,
  {
    filters = [],
    filterGroups = filters.length > 0 ? [{ filters }] : [],
    query,
    properties = [],
    sort,
    limit = PAGE,
  }: SearchQuery,
): AsyncGenerator<CrmRecord, void> {
  const wanted = filterGroups.map((group) => ({ filters: group.filters.map(inEitherCase) }));
  let groups = wanted;
  const request = searchOf(path);
  let advance = createAdvance(request);
  /** Each part of the search starts after the last record of the previous part. */
  const begin = createAdvance(request);
  for (let after = '0', calls = 0; ; calls += 1) {
    const sending = patientAfter(calls, send);
    const asked = { groups, query, properties, sort, limit, after };
    const { results, paging } = await searchPage(sending, path, asked);
    const next = advance(paging?.next?.after);
    yield* results;
    const last = results.at(-1)?.id;
    if (next === undefined || last === undefined) return;
    after = next;
    if (Number(after) + limit > WINDOW) {
      groups = beyond(wanted, sort, last);
      begin(last);
      advance = createAdvance(request);
      after = '0';
    }
  }
}

/** One page of a search; `after` is its offset in the results. */
export async function searchPage(
  send: Send,
  path: string,
  {
    groups,
    query,
    properties = [],
    sort = { propertyName: ID },
    limit = PAGE,
    after = '0',
  }: Omit<SearchQuery, 'filters' | 'filterGroups'> & {
    readonly groups: NonNullable<SearchQuery['filterGroups']>;
    readonly after?: string;
  },
): Promise<z.output<typeof page>> {
  const request = searchOf(path);
  const sorts = [{ direction: 'ASCENDING', ...sort }];
  const wanted = { filterGroups: groups, sorts, ...(query && { query }), properties, limit, after };
  const isLong = isTooLong({ ...request, json: wanted });
  const json = isLong ? { ...wanted, properties: [] } : wanted;
  const found = readAnswer(page, await send({ ...request, json }), request);
  if (!isLong) return found;
  return { ...found, results: await withProperties(send, path, found.results, { properties }) };
}

const searchOf = (path: string) =>
  ({ method: 'POST', path: `${path}/search`, idempotent: true, lane: 'search' }) as const;

/**
 * For IN and NOT_IN, HubSpot expects lower-case values for text, and exact option values for enumerations:
 * with both forms in the list either matches.
 */
function inEitherCase(filter: SearchFilter): SearchFilter {
  if (filter.operator !== 'IN' && filter.operator !== 'NOT_IN') return filter;
  return { ...filter, values: [...new Set(filter.values.flatMap((value) => [value, value.toLowerCase()]))] };
}

/** The same search, restricted to greater ids. */
function beyond(groups: SearchQuery['filterGroups'] = [], sort: SearchQuery['sort'], id: string) {
  const byId = sort === undefined || (sort.propertyName === ID && sort.direction !== 'DESCENDING');
  if (!byId) throw tooLong(`this one is sorted by ${sort.propertyName}; leave the sort out`);
  const window = { propertyName: ID, operator: 'GT', value: id } as const;
  const narrowed = groups.length > 0 ? groups : [{ filters: [] }];
  const filters = narrowed.flatMap((group) => group.filters).length + narrowed.length;
  if (filters > MAX_FILTERS || narrowed.some((group) => group.filters.length >= MAX_FILTERS_OF_GROUP)) {
    throw tooLong(`this one has no room for a filter on ${ID}; use fewer filters`);
  }
  return narrowed.map((group) => ({ filters: [...group.filters, window] }));
}

const tooLong = (reason: string) =>
  new AppError(
    400,
    'search_too_long',
    `HubSpot shows ${WINDOW} results of a search and there are more. Only searches by record id can go on: ${reason}.`,
  );
