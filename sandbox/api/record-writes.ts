import type { ObjectType } from '../state/object-types.ts';
import type { ChangeSource, CrmRecord, Records } from '../state/records.ts';
import { ApiError, notFound, validationError } from './api-error.ts';
import { checkedValues } from './property-values.ts';

/** Where a write happens and on whose behalf. */
export interface WriteScope {
  records: Records;
  portalId: number;
  type: ObjectType;
  source: ChangeSource;
}

type Values = Record<string, unknown>;

/** Creates a record, or throws HubSpot's error: 400 for values, 409 when a unique value is taken. */
export function createRecord({ records, portalId, type, source }: WriteScope, values: Values): CrmRecord {
  const checked = checkedValues(portalId, type, values);
  const missing = type.requiredOnCreate.filter((names) => !names.some((name) => checked[name]));
  if (missing.length > 0) {
    const named = missing.map((names) => names.join(' or '));
    throw validationError(
      `Error creating ${type.singular.toUpperCase()}. Some required properties were not set.`,
      [{ message: `Some required properties were not set: ${named.join(', ')}`, code: 'REQUIRED_PROPERTY' }],
    );
  }
  refuseTaken({ records, portalId, type }, checked);
  return records.create(portalId, type, checked, source);
}

/** Changes a record; throws as `createRecord` does. */
export function updateRecord(
  { records, portalId, type, source }: WriteScope,
  record: CrmRecord,
  values: Values,
) {
  const checked = checkedValues(portalId, type, values);
  refuseTaken({ records, portalId, type }, checked, record.id);
  return records.update(record, checked, source);
}

/** Finds a living record by id or unique property; throws 404, or 400 when the property is not unique. */
export function existingRecord(
  { records, portalId, type }: Omit<WriteScope, 'source'>,
  value: string,
  idProperty = 'hs_object_id',
  archived = false,
): CrmRecord {
  checkIdProperty(type, idProperty);
  const found = records.find(portalId, type, value, idProperty);
  if (!found || (found.archivedAt !== undefined) !== archived) {
    throw notFound('Object not found.  objectId are usually numeric.', {
      subCategory: 'crm.OBJECT_NOT_FOUND',
      context: { objectType: [type.id], [idProperty === 'hs_object_id' ? 'objectId' : idProperty]: [value] },
    });
  }
  return found;
}

export function checkIdProperty(type: ObjectType, idProperty: string): void {
  if (idProperty === 'hs_object_id' || type.uniqueProperties.includes(idProperty)) return;
  throw validationError(`idProperty "${idProperty}" is not a unique property of ${type.plural}.`, [
    { message: `${idProperty} has no unique values`, code: 'INVALID_UNIQUE_PROPERTY', in: 'idProperty' },
  ]);
}

function refuseTaken(
  { records, portalId, type }: Omit<WriteScope, 'source'>,
  values: Record<string, string>,
  ownId?: string,
): void {
  for (const name of type.uniqueProperties) {
    const value = values[name];
    const holder = value ? records.find(portalId, type, value, name) : undefined;
    if (holder && holder.id !== ownId) {
      const label = type.singular.charAt(0).toUpperCase() + type.singular.slice(1);
      throw new ApiError(409, 'CONFLICT', `${label} already exists. Existing ID: ${holder.id}`);
    }
  }
}
