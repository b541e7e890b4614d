import { z } from 'zod';
import { readAnswer } from '../client/answer.ts';
import { type OnProgress, sendBatch } from '../client/batch.ts';
import { HubSpotError } from '../client/errors.ts';
import type { Send } from '../client/http.ts';
import { readPages } from '../client/pages.ts';
import { pathPart } from '../client/path-part.ts';
import { type CrmRecord, crmRecord, type NewAssociation, nextPage } from './crm-record.ts';
import { isTooLong, withProperties } from './long-reads.ts';
import { recordBatches } from './object-batches.ts';
import { type ChangedRecord, type ChangesOptions, changedRecords } from './object-changes.ts';
import { type SearchQuery, searchRecords } from './object-search.ts';
import { readTogether, updateTogether } from './object-together.ts';
import { HISTORY_LIMIT } from './property-history.ts';
import { asText, otherValueGiven, type PropertyValues } from './property-values.ts';

export interface CrmObjectType {
  /** The path of its records, such as `/crm/objects/2026-09/contacts`. */
  readonly path: string;
  /** Properties that are read by default. Empty: HubSpot's own defaults. */
  readonly properties: readonly string[];
}

export interface ReadOptions {
  /** Types of associated records whose ids are included, such as `companies`. */
  readonly associations?: readonly string[];
  /** Properties whose history is included. */
  readonly propertiesWithHistory?: readonly string[];
  /** Reads from the recycle bin. */
  readonly archived?: boolean;
}

export interface BatchReadOptions {
  /** Name of a unique property; the ids are then its values. */
  readonly idProperty?: string | undefined;
  /** Properties whose history is included. */
  readonly propertiesWithHistory?: readonly string[];
  readonly onProgress?: OnProgress;
}

export interface ReadOneOptions extends ReadOptions {
  /** Name of a unique property; the id is then its value. */
  readonly idProperty?: string | undefined;
}

export interface ListOptions extends ReadOptions {
  readonly properties?: readonly string[];
  /** Records per page. All pages are read. */
  readonly limit?: number;
}

/** Documented maximum page size of records. */
const PAGE = 100;

const page = z.object({ results: z.array(crmRecord), paging: nextPage });

export type CrmObjects = ReturnType<typeof createCrmObjects>;

/**
 * The operations of HubSpot's objects API, for any type of record.
 * @see https://developers.hubspot.com/docs/api-reference/crm-objects-v3/guide
 */
export function createCrmObjects(send: Send, { path, properties: usual }: CrmObjectType) {
  const pathOf = (id: string) => `${path}/${pathPart(id)}`;
  const batches = recordBatches(path);

  const objects = {
    /** Creates a record. Never retried when no response came, so the record may exist afterwards. */
    async create(
      properties: PropertyValues,
      associations: readonly NewAssociation[] = [],
    ): Promise<CrmRecord> {
      const request = { method: 'POST', path } as const;
      const json = { properties: asText(properties), associations };
      return readAnswer(crmRecord, await send({ ...request, json }), request);
    },

    /** @throws {HubSpotError} status 404 when the record does not exist. */
    async get(
      id: string,
      properties: readonly string[] = usual,
      { associations, ...options }: ReadOneOptions = {},
    ): Promise<CrmRecord> {
      const query = { properties, associations, ...options };
      const request = { method: 'GET', path: pathOf(id), query } as const;
      if (!isTooLong(request)) {
        const together = readTogether(path, id, properties, { associations, ...options });
        return readAnswer(crmRecord, await send({ ...request, together }), request);
      }
      const { propertiesWithHistory } = options;
      const plain = {
        ...request,
        query: { ...query, properties: undefined, propertiesWithHistory: undefined },
      };
      const found = readAnswer(crmRecord, await send(plain), plain);
      const [record] = await withProperties(
        send,
        path,
        [found],
        { properties, propertiesWithHistory },
        options.archived,
      );
      if (!record)
        throw new HubSpotError({ ...plain, status: 404, note: 'it was deleted while it was read' });
      return record;
    },

    /** Updates the given properties and keeps the others. `idProperty` as in `get`. */
    async update(id: string, properties: PropertyValues, idProperty?: string): Promise<CrmRecord> {
      const request = { method: 'PATCH', path: pathOf(id), query: { idProperty }, idempotent: true } as const;
      const json = { properties: asText(properties) };
      const together = updateTogether(path, id, properties, idProperty);
      return readAnswer(crmRecord, await send({ ...request, json, together }), request);
    },

    /** Moves a record to the recycle bin, from which HubSpot's users can restore it for 90 days. */
    async archive(id: string): Promise<void> {
      await send({ method: 'DELETE', path: pathOf(id) });
    },

    /** Every record of the type, ordered by id. Pages are fetched as needed. */
    list({
      properties = usual,
      propertiesWithHistory = [],
      limit = propertiesWithHistory.length > 0 ? HISTORY_LIMIT : PAGE,
      ...options
    }: ListOptions = {}): AsyncGenerator<CrmRecord, void> {
      const query = { limit, properties, propertiesWithHistory, ...options };
      const request = { method: 'GET', path, query } as const;
      if (!isTooLong(request)) return readPages(send, request, page);
      const names = { properties, propertiesWithHistory };
      const plain = {
        ...request,
        query: { ...query, properties: undefined, propertiesWithHistory: undefined },
      };
      return readPages(send, plain, page, (records, sending) =>
        withProperties(sending, path, records, names, options.archived),
      );
    },

    /**
     * Every record that a search finds. HubSpot returns at most 10,000: without `sort` the search continues after
     * these by record id, with `sort` it throws. Changes of the last seconds may be missing.
     */
    search(query: SearchQuery = {}): AsyncGenerator<CrmRecord, void> {
      return searchRecords(send, path, { ...query, properties: query.properties ?? usual });
    },

    /** Reads any number of records by id or by a unique property. */
    batchRead: (
      ids: readonly string[],
      properties: readonly string[] = usual,
      { onProgress, ...options }: BatchReadOptions = {},
    ) => sendBatch(send, batches.read(properties, options), ids, onProgress),

    batchCreate: (
      inputs: readonly { properties: PropertyValues; associations?: readonly NewAssociation[] }[],
      onProgress?: OnProgress,
    ) => sendBatch(send, batches.create, inputs, onProgress),

    batchUpdate: (
      inputs: readonly { id: string; properties: PropertyValues }[],
      { idProperty, onProgress }: { idProperty?: string | undefined; onProgress?: OnProgress } = {},
    ) => sendBatch(send, batches.update(idProperty), inputs, onProgress),

    /**
     * Creates or updates records by a unique property. Idempotent.
     * @throws {AppError} contradicting_values, before anything is sent, when the properties of an input contain a different value of it.
     */
    async batchUpsert(
      idProperty: string,
      inputs: readonly { id: string; properties: PropertyValues }[],
      onProgress?: OnProgress,
    ) {
      for (const { id, properties } of inputs) {
        const { [idProperty]: other = id } = asText(properties);
        if (other.trim().toLowerCase() !== id.trim().toLowerCase()) throw otherValueGiven(idProperty, id);
      }
      return sendBatch(send, batches.upsert(idProperty), inputs, onProgress);
    },

    batchArchive: (ids: readonly string[], onProgress?: OnProgress) =>
      sendBatch(send, batches.archive, ids, onProgress),
  };

  return {
    ...objects,

    /**
     * Every record that was changed or deleted (`archived`) since, in the order of the changes, also beyond 10,000.
     * Each has a cursor with which a later call continues. It may repeat the changes of the last half minute,
     * because HubSpot's search finds some late. Deletions older than 90 days and erasures are not included.
     */
    changedSince(
      since: Date,
      { properties = usual, ...options }: ChangesOptions = {},
    ): AsyncGenerator<ChangedRecord, void> {
      const deleted = () => objects.list({ archived: true, properties });
      return changedRecords(send, path, deleted, since, { properties, ...options });
    },
  };
}

/** Merging, for the types that HubSpot can merge. */
export function createMerge(send: Send, { path }: CrmObjectType) {
  /** Merges two records: the first one's values win. Cannot be undone; never retried when no response came. */
  return async function merge(primaryObjectId: string, objectIdToMerge: string): Promise<CrmRecord> {
    const request = { method: 'POST', path: `${path}/merge` } as const;
    return readAnswer(
      crmRecord,
      await send({ ...request, json: { primaryObjectId, objectIdToMerge } }),
      request,
    );
  };
}
