import { z } from 'zod';
import { readAnswer } from '../client/answer.ts';
import type { OnProgress } from '../client/batch.ts';
import { HubSpotError } from '../client/errors.ts';
import type { HubSpotRequest, Send } from '../client/http.ts';
import { PROMPT_CALLS, readPages } from '../client/pages.ts';
import { pathPart } from '../client/path-part.ts';
import { apiPaths } from '../versions.ts';
import type { RecordRef } from './associations.ts';
import { nextPage } from './crm-record.ts';
import { objectTypeId } from './object-type-ids.ts';

const list = z
  .object({
    listId: z.string(),
    name: z.string(),
    objectTypeId: z.string(),
    /** MANUAL and SNAPSHOT lists have the members that they are given, DYNAMIC ones those that match their filters. */
    processingType: z.string(),
    /** Members of a list whose status is not COMPLETE are still being looked for. */
    processingStatus: z.string().optional(),
    size: z.number().optional(),
    createdAt: z.string().optional(),
    updatedAt: z.string().optional(),
    filterBranch: z.unknown().optional(),
    additionalProperties: z
      .object({ hs_list_size: z.coerce.number().optional().catch(undefined) })
      .optional(),
  })
  .transform(({ additionalProperties, ...own }) => {
    // Searches tell the size among the properties that other reads do not have.
    const size = own.size ?? additionalProperties?.hs_list_size;
    return { ...own, ...(size !== undefined && { size }) };
  });

/** A list of records of one type, which HubSpot's pages call a segment. */
export type RecordList = z.output<typeof list>;

const oneList = z.object({ list });
const foundLists = z.object({ lists: z.array(list), hasMore: z.boolean() });

const member = z.object({ recordId: z.coerce.string(), membershipTimestamp: z.string() });
const memberPage = z.object({ results: z.array(member), paging: nextPage });

/** A record of a list, and when it came there. */
export type ListMember = z.output<typeof member>;

const membership = z.object({
  listId: z.coerce.string(),
  firstAddedTimestamp: z.string(),
  lastAddedTimestamp: z.string(),
});
const memberships = z.object({ results: z.array(membership) });

/** A list that a record is in. */
export type ListMembership = z.output<typeof membership>;

const ids = z
  .array(z.coerce.string())
  .nullish()
  .transform((given) => given ?? []);
// HubSpot's descriptions spell it with an s too many, its examples without.
const changed = z
  .object({ recordsIdsAdded: ids, recordIdsAdded: ids, recordIdsRemoved: ids, recordIdsMissing: ids })
  .transform(({ recordsIdsAdded, recordIdsAdded, recordIdsRemoved, recordIdsMissing }) => ({
    added: [...new Set([...recordsIdsAdded, ...recordIdsAdded])],
    removed: recordIdsRemoved,
    missing: recordIdsMissing,
  }));

/** What became of record ids. One in none of these was, or was not, a member already. */
export type MembershipChange = z.output<typeof changed>;

export interface ListFilter {
  /** Words of the name. */
  readonly query?: string | undefined;
  /** Such as `contacts` or `0-1`. */
  readonly type?: string | undefined;
  readonly processingTypes?: readonly ('MANUAL' | 'SNAPSHOT' | 'DYNAMIC')[] | undefined;
  readonly listIds?: readonly string[] | undefined;
}

/** Documented most of a page of lists, and of members. */
const LISTS = 500;
const MEMBERS = 250;
/** Ids of one request; HubSpot documents no limit that is near. */
const CHANGED = 1000;

/**
 * Lists and who is in them. Types may be given by name.
 * @see https://developers.hubspot.com/docs/api-reference/latest/crm/lists/guide
 */
export function createListsApi(send: Send, paths = apiPaths) {
  const pathOf = (...parts: string[]) => [paths.lists.path, ...parts.map((part) => pathPart(part))].join('/');
  const ask = async <T extends z.ZodType>(schema: T, request: HubSpotRequest) =>
    readAnswer(schema, await send(request), request);

  async function change(
    listId: string,
    verb: 'add' | 'remove',
    recordIds: readonly string[],
    onProgress: OnProgress = () => {},
  ): Promise<MembershipChange> {
    const total: MembershipChange = { added: [], removed: [], missing: [] };
    for (let start = 0; start < recordIds.length; start += CHANGED) {
      const json = recordIds.slice(start, start + CHANGED);
      const part = await ask(changed, { method: 'PUT', path: pathOf(listId, 'memberships', verb), json });
      for (const name of ['added', 'removed', 'missing'] as const) total[name].push(...part[name]);
      onProgress(start + json.length);
    }
    return total;
  }

  return {
    /**
     * Every list that fits, once; pages are read as they are needed.
     * @throws {HubSpotError} naming call and offset when a page has nothing that was not on one before.
     */
    async *list({
      query,
      type,
      processingTypes = [],
      listIds = [],
    }: ListFilter = {}): AsyncGenerator<RecordList, void> {
      const seen = new Set<string>();
      for (let offset = 0, calls = 0; ; calls += 1) {
        const json = {
          ...(query && { query }),
          ...(type && { objectTypeId: objectTypeId(type) }),
          processingTypes,
          listIds,
          additionalProperties: ['hs_list_size'],
          count: LISTS,
          offset,
        };
        const request = { method: 'POST', path: pathOf('search'), json, idempotent: true } as const;
        const { lists, hasMore } = await ask(foundLists, {
          ...request,
          lane: 'search',
          patient: calls >= PROMPT_CALLS,
        });
        const found = lists.filter(({ listId }) => !seen.has(listId));
        if (lists.length > 0 && found.length === 0) {
          const problem = `an answer that leads back to a page before: offset=${offset}`;
          throw new HubSpotError({ ...request, problem });
        }
        for (const { listId } of found) seen.add(listId);
        yield* found;
        offset += lists.length;
        if (!hasMore || lists.length === 0) return;
      }
    },

    /**
     * @param options `filters: true` reads the filters of the list as well, into `filterBranch`.
     * @throws {HubSpotError} status 404 when there is no such list.
     */
    async get(listId: string, { filters = false }: { filters?: boolean } = {}): Promise<RecordList> {
      const query = { includeFilters: filters || undefined };
      return (await ask(oneList, { method: 'GET', path: pathOf(listId), query })).list;
    },

    /** @throws {HubSpotError} status 404 when no list of the type has this name. */
    async getByName(type: string, name: string): Promise<RecordList> {
      const path = pathOf('object-type-id', objectTypeId(type), 'name', name);
      return (await ask(oneList, { method: 'GET', path })).list;
    },

    /** Every record of a list, in the order of ids. */
    members: (listId: string): AsyncGenerator<ListMember, void> =>
      readPages(
        send,
        { method: 'GET', path: pathOf(listId, 'memberships'), query: { limit: MEMBERS } },
        memberPage,
      ),

    /**
     * Puts records into a list, as many as there are; safe to repeat.
     * @throws {HubSpotError} status 400 for a DYNAMIC list, which HubSpot fills by its filters.
     */
    add: (listId: string, recordIds: readonly string[], onProgress?: OnProgress) =>
      change(listId, 'add', recordIds, onProgress),

    /** Takes records out of a list; otherwise as `add`. */
    remove: (listId: string, recordIds: readonly string[], onProgress?: OnProgress) =>
      change(listId, 'remove', recordIds, onProgress),

    /** The lists that a record is in. */
    async membershipsOf({ type, id }: RecordRef): Promise<ListMembership[]> {
      const path = pathOf('records', objectTypeId(type), id, 'memberships');
      return (await ask(memberships, { method: 'GET', path })).results;
    },
  };
}
