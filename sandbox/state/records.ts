import { asEmails, emailsOf, hasFurtherEmails } from './contact-emails.ts';
import type { ObjectType } from './object-types.ts';
import type { Properties } from './properties.ts';
import type { ChangeKind, ChangeSource, CrmRecord, RecordChange } from './record.ts';
import { createRecordStore } from './record-store.ts';
import { seedRecords } from './seed.ts';

export interface RecordListeners {
  onChange(change: RecordChange): void;
  /** The record was permanently deleted, or merged into another one. */
  onGone(record: CrmRecord, into: CrmRecord | undefined, source: ChangeSource): void;
}

/** The number of values in a property's history. */
const keptVersions = ({ singular }: ObjectType) => (singular === 'contact' ? 45 : 20);

export type Records = ReturnType<typeof createRecords>;

/**
 * The CRM records of all portals. It stores values and reports changes; whether a change is
 * allowed is checked by the API. Every read and write names the portal.
 */
export function createRecords(definitions: Properties, { onChange, onGone }: RecordListeners) {
  const store = createRecordStore(definitions);
  let nextId = 1001;

  function write(record: CrmRecord, values: Record<string, string>, source: ChangeSource, now: number) {
    const stamp = { timestamp: new Date(now).toISOString(), sourceType: source.changeSource };
    store.change(record, () => {
      for (const [name, value] of Object.entries(values)) {
        const version = { value, ...stamp, sourceId: source.sourceId };
        record.history[name] = [version, ...(record.history[name] ?? [])].slice(0, keptVersions(record.type));
        if (value === '') delete record.properties[name];
        else record.properties[name] = value;
      }
    });
    setModified(record, now);
  }

  function setModified(record: CrmRecord, at: number) {
    record.updatedAt = at;
    record.properties[record.type.modifiedProperty] = new Date(at).toISOString();
  }

  const changed = ({ properties }: CrmRecord, values: Record<string, string>) =>
    Object.fromEntries(Object.entries(values).filter(([name, value]) => (properties[name] ?? '') !== value));

  function tell(
    kind: ChangeKind,
    record: CrmRecord,
    source: ChangeSource,
    details: RecordChange['details'],
    genericDetails?: RecordChange['details'],
  ) {
    const { portalId, type, id: objectId, updatedAt: occurredAt } = record;
    onChange({ ...source, kind, portalId, type, objectId, occurredAt, details, genericDetails });
  }

  function tellProperties(record: CrmRecord, values: Record<string, string>, source: ChangeSource) {
    for (const [propertyName, propertyValue] of Object.entries(values)) {
      tell('propertyChange', record, source, { propertyName, propertyValue }, { isSensitive: false });
    }
  }

  function add(
    portalId: number,
    type: ObjectType,
    id: string,
    values: Record<string, string>,
    source: ChangeSource,
  ) {
    const now = Date.now();
    const created = new Date(now).toISOString();
    const record: CrmRecord = {
      id,
      portalId,
      type,
      properties: { createdate: created, hs_createdate: created, hs_object_id: id },
      history: {},
      createdAt: now,
      updatedAt: now,
      mergedIds: [],
    };
    store.add(record);
    write(record, values, source, now);
    return record;
  }

  function seed() {
    for (const { portalId, type, id, properties } of seedRecords) {
      add(portalId, type, id, properties, { changeSource: 'CRM_UI', sourceId: 'sandbox' });
    }
  }

  seed();

  return {
    /** All records of a type, ordered by id, either the active ones or those in the recycle bin. */
    list: (portalId: number, type: ObjectType, { archived = false } = {}): CrmRecord[] =>
      store.all(portalId, type).filter((record) => (record.archivedAt !== undefined) === archived),

    /** Finds by id (also of merged records) or, among active records, by a unique property. */
    find: (portalId: number, type: ObjectType, value: string, idProperty = 'hs_object_id') =>
      idProperty === 'hs_object_id'
        ? store.byId(portalId, type, value)
        : store.byUnique(portalId, type, idProperty, value),

    create(portalId: number, type: ObjectType, values: Record<string, string>, source: ChangeSource) {
      const filled = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
      const record = add(portalId, type, String(nextId++), filled, source);
      tell('creation', record, source, { changeFlag: 'CREATED' });
      tellProperties(record, filled, source);
      return record;
    },

    /** Writes the values that differ and reports each change. */
    update(record: CrmRecord, values: Record<string, string>, source: ChangeSource) {
      const news = changed(record, values);
      write(record, news, source, Date.now());
      tellProperties(record, news, source);
      return record;
    },

    /** Moves the record to the recycle bin, which frees its unique values. */
    archive(record: CrmRecord, source: ChangeSource) {
      store.change(record, () => {
        record.archivedAt = record.updatedAt = Date.now();
      });
      if (record.type.deletedForGood) {
        store.remove(record);
        onGone(record, undefined, source);
      }
      tell('deletion', record, source, { changeFlag: 'DELETED' });
    },

    /** Restores the record from the recycle bin. */
    restore(record: CrmRecord, source: ChangeSource) {
      store.change(record, () => {
        delete record.archivedAt;
        setModified(record, Date.now());
      });
      tell('restore', record, source, {});
    },

    /** Changes the time of the record's last change, or of its deletion if it is in the recycle bin. Sends no webhook. */
    backdate(record: CrmRecord, at: number) {
      setModified(record, at);
      if (record.archivedAt !== undefined) record.archivedAt = at;
    },

    /** Permanently removes the record, like a GDPR deletion. */
    erase(record: CrmRecord, source: ChangeSource) {
      store.remove(record);
      onGone(record, undefined, source);
      record.updatedAt = Date.now();
      tell('privacyDeletion', record, source, {});
      tell('deletion', record, source, { changeFlag: 'DELETED' });
    },

    /** Adds missing values of the first record from the second, which is removed. */
    merge(primary: CrmRecord, other: CrmRecord, source: ChangeSource) {
      const moved = Object.fromEntries(
        Object.entries(other.properties).filter(([name]) => primary.properties[name] === undefined),
      );
      const emails = asEmails([...emailsOf(primary.properties), ...emailsOf(other.properties)]);
      const ids = [other.id, ...other.mergedIds];
      store.remove(other);
      store.redirect(ids, primary);
      primary.mergedIds.push(...ids);
      onGone(other, primary, source);
      const values = hasFurtherEmails(primary.type) ? { ...moved, ...changed(primary, emails) } : moved;
      write(primary, values, source, Date.now());
      tell('merge', primary, source, {
        primaryObjectId: Number(primary.id),
        mergedObjectIds: [Number(other.id)],
        newObjectId: Number(primary.id),
        numberOfPropertiesMoved: Object.keys(moved).length,
      });
      return primary;
    },

    reset() {
      store.clear();
      nextId = 1001;
      seed();
    },
  };
}
