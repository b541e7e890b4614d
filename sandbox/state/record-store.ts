import { uniqueValues } from './contact-emails.ts';
import type { ObjectType } from './object-types.ts';
import type { Properties } from './properties.ts';
import type { CrmRecord } from './record.ts';

export type RecordStore = ReturnType<typeof createRecordStore>;

/** Stores records by portal and type, with an index of unique values. */
export function createRecordStore(definitions: Pick<Properties, 'uniqueNames'>) {
  const collections = new Map<string, Map<string, CrmRecord>>();
  const unique = new Map<string, CrmRecord>();
  const mergedInto = new Map<string, CrmRecord>();

  const collectionKey = (portalId: number, type: ObjectType) => `${portalId}/${type.id}`;
  const keyOf = (portalId: number, type: ObjectType, ...rest: string[]) =>
    [collectionKey(portalId, type), ...rest].join('/');

  function collection(portalId: number, type: ObjectType) {
    const key = collectionKey(portalId, type);
    const found = collections.get(key) ?? new Map<string, CrmRecord>();
    collections.set(key, found);
    return found;
  }

  function uniqueKeys({ portalId, type, properties }: CrmRecord): string[] {
    const held = uniqueValues(definitions.uniqueNames(portalId, type), properties);
    return held.map(({ name, value }) => keyOf(portalId, type, name, value));
  }

  return {
    /** Ordered by id, which is the order in which they were added. */
    all: (portalId: number, type: ObjectType): CrmRecord[] => [...collection(portalId, type).values()],

    byId: (portalId: number, type: ObjectType, id: string): CrmRecord | undefined =>
      collection(portalId, type).get(id) ?? mergedInto.get(keyOf(portalId, type, id)),

    byUnique: (portalId: number, type: ObjectType, name: string, value: string): CrmRecord | undefined =>
      unique.get(keyOf(portalId, type, name, value.toLowerCase())),

    add(record: CrmRecord) {
      collection(record.portalId, record.type).set(record.id, record);
      for (const key of uniqueKeys(record)) unique.set(key, record);
    },

    /** Changes a record and updates the index. */
    change(record: CrmRecord, change: () => void) {
      for (const key of uniqueKeys(record)) unique.delete(key);
      change();
      if (record.archivedAt !== undefined) return;
      for (const key of uniqueKeys(record)) unique.set(key, record);
    },

    remove(record: CrmRecord) {
      collection(record.portalId, record.type).delete(record.id);
      for (const key of uniqueKeys(record)) if (unique.get(key) === record) unique.delete(key);
    },

    /** Redirects the ids to the record. */
    redirect(ids: readonly string[], record: CrmRecord) {
      for (const id of ids) mergedInto.set(keyOf(record.portalId, record.type, id), record);
    },

    clear() {
      for (const part of [collections, unique, mergedInto]) part.clear();
    },
  };
}
