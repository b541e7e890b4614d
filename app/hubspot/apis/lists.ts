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
    /** Members are added to MANUAL and SNAPSHOT lists; DYNAMIC lists contain the records that match their filters. */
    processingType: z.string(),
    /** Unless COMPLETE, HubSpot is still determining the members. */
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
    // Searches return the size as an additional property.
    const size = own.size ?? additionalProperties?.hs_list_size;
    return { ...own, ...(size !== undefined && { size }) };
  });

/** A list of records of one type, called a segment in HubSpot's UI. */
export type RecordList = z.output<typeof list>;

const oneList = z.object({ list });
const foundLists = z.object({ lists: z.array(list), hasMore: z.boolean() });

const member = z.object({ recordId: z.coerce.string(), membershipTimestamp: z.string() });
const memberPage = z.object({ results: z.array(member), paging: nextPage });

/** A member of a list, and when it was added. */
export type ListMember = z.output<typeof member>;

const membership = z.object({
  listId: z.coerce.string(),
  firstAddedTimestamp: z.string(),
  lastAddedTimestamp: z.string(),
});
const memberships = z.object({ results: z.array(membership) });

/** A list that contains a record. */
export type ListMembership = z.output<typeof membership>;

const ids = z
  .array(z.coerce.string())
  .nullish()
  .transform((given) => given ?? []);
// HubSpot's API description and examples spell it differently.
const changed = z
  .object({ recordsIdsAdded: ids, recordIdsAdded: ids, recordIdsRemoved: ids, recordIdsMissing: ids })
  .transform(({ recordsIdsAdded, recordIdsAdded, recordIdsRemoved, recordIdsMissing }) => ({
    added: [...new Set([...recordsIdsAdded, ...recordIdsAdded])],
    removed: recordIdsRemoved,
    missing: recordIdsMissing,
  }));

/** The outcome for record ids. An id in none of the lists needed no change. */
export type MembershipChange = z.output<typeof changed>;

export interface ListFilter {
  /** Words in the name. */
  readonly query?: string | undefined;
  /** Such as `contacts` or `0-1`. */
  readonly type?: string | undefined;
  readonly processingTypes?: readonly ('MANUAL' | 'SNAPSHOT' | 'DYNAMIC')[] | undefined;
  readonly listIds?: readonly string[] | undefined;
}

/** Documented maximum page sizes of lists and of members. */
const LISTS = 500;
const MEMBERS = 250;
/** Ids per request; HubSpot's documented limit is far higher. */
const CHANGED = 1000;

/**
 * Lists and their members. Types may be given by name.
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
     * Every matching list, without duplicates. Pages are fetched as needed.
     * @throws {HubSpotError} naming call and offset when a page contains only lists of earlier pages.
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
     * @param options `filters: true` also reads the filters of the list, into `filterBranch`.
     * @throws {HubSpotError} status 404 when the list does not exist.
     */
    async get(listId: string, { filters = false }: { filters?: boolean } = {}): Promise<RecordList> {
      const query = { includeFilters: filters || undefined };
      return (await ask(oneList, { method: 'GET', path: pathOf(listId), query })).list;
    },

    /** @throws {HubSpotError} status 404 when the type has no list with this name. */
    async getByName(type: string, name: string): Promise<RecordList> {
      const path = pathOf('object-type-id', objectTypeId(type), 'name', name);
      return (await ask(oneList, { method: 'GET', path })).list;
    },

    /** Every member of a list, ordered by id. */
    members: (listId: string): AsyncGenerator<ListMember, void> =>
      readPages(
        send,
        { method: 'GET', path: pathOf(listId, 'memberships'), query: { limit: MEMBERS } },
        memberPage,
      ),

    /**
     * Adds any number of records to a list. Idempotent.
     * @throws {HubSpotError} status 400 for a DYNAMIC list, whose members HubSpot determines by its filters.
     */
    add: (listId: string, recordIds: readonly string[], onProgress?: OnProgress) =>
      change(listId, 'add', recordIds, onProgress),

    /** Removes records from a list; otherwise like `add`. */
    remove: (listId: string, recordIds: readonly string[], onProgress?: OnProgress) =>
      change(listId, 'remove', recordIds, onProgress),

    /** The lists that contain a record. */
    async membershipsOf({ type, id }: RecordRef): Promise<ListMembership[]> {
      const path = pathOf('records', objectTypeId(type), id, 'memberships');
      return (await ask(memberships, { method: 'GET', path })).results;
    },
  };
}
