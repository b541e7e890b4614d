import type { SandboxContext } from '../context.ts';
import type { ObjectType } from '../state/object-types.ts';
import type { ChangeSource, CrmRecord } from '../state/records.ts';
import { ApiError, notFound, validationError } from './api-error.ts';
import { associate, type NewAssociation, resolveAssociations } from './association-writes.ts';
import { checkedValues } from './property-values.ts';

/** The parts of the state that make up the CRM. */
export type Crm = Pick<
  SandboxContext,
  'records' | 'properties' | 'pipelines' | 'owners' | 'associations' | 'associationLabels'
>;

/** Where a write happens and on whose behalf. */
export interface WriteScope {
  crm: Crm;
  portalId: number;
  type: ObjectType;
  source: ChangeSource;
}

type Values = Record<string, unknown>;

/** Creates a record, or throws HubSpot's error: 400 for values, 409 when a unique value is taken. */
export function createRecord(
  scope: WriteScope,
  values: Values,
  associations: readonly NewAssociation[] = [],
): CrmRecord {
  const { crm, portalId, type, source } = scope;
  const checked = checkedValues(scope, values);
  const missing = type.requiredOnCreate.filter((names) => !names.some((name) => checked[name]));
  if (missing.length > 0) {
    const named = missing.map((names) => names.join(' or '));
    throw validationError(
      `Error creating ${type.singular.toUpperCase()}. Some required properties were not set.`,
      [
        {
          message: `Some required properties were not set: ${named.join(', ')}`,
          code: 'REQUIRED_PROPERTY',
          context: { properties: named },
        },
      ],
    );
  }
  refuseTaken(scope, checked);
  // Before anything is written: a record without its associations must not stay behind.
  const resolved = resolveAssociations(scope, associations);
  const record = crm.records.create(portalId, type, checked, source);
  for (const { to, types } of resolved) associate(scope, record, to, types);
  return record;
}

/** Changes a record; throws as `createRecord` does. */
export function updateRecord(scope: WriteScope, record: CrmRecord, values: Values) {
  const checked = checkedValues(scope, values, record);
  refuseTaken(scope, checked, record.id);
  return scope.crm.records.update(record, checked, scope.source);
}

/** Takes a record out of the recycle bin; throws 409 when another one has its unique value by now. */
export function restoreRecord(scope: WriteScope, record: CrmRecord): void {
  refuseTaken(scope, record.properties, record.id);
  scope.crm.records.restore(record, scope.source);
}

/** Finds a living record by id or unique property; throws 404, or 400 when the property is not unique. */
export function existingRecord(
  scope: Omit<WriteScope, 'source'>,
  value: string,
  idProperty = 'hs_object_id',
  archived = false,
): CrmRecord {
  const { crm, portalId, type } = scope;
  checkIdProperty(scope, idProperty);
  const found = crm.records.find(portalId, type, value, idProperty);
  if (!found || (found.archivedAt !== undefined) !== archived) {
    throw notFound('Object not found.  objectId are usually numeric.', {
      subCategory: 'crm.OBJECT_NOT_FOUND',
      context: { objectType: [type.id], [idProperty === 'hs_object_id' ? 'objectId' : idProperty]: [value] },
    });
  }
  return found;
}

export function checkIdProperty(
  { crm, portalId, type }: Omit<WriteScope, 'source'>,
  idProperty: string,
): void {
  if (idProperty === 'hs_object_id' || crm.properties.find(portalId, type, idProperty)?.hasUniqueValue)
    return;
  throw validationError(`idProperty "${idProperty}" is not a unique property of ${type.plural}.`, [
    { message: `${idProperty} has no unique values`, code: 'INVALID_UNIQUE_PROPERTY', in: 'idProperty' },
  ]);
}

/** Throws 409 when another record holds one of these unique values. */
function refuseTaken(
  { crm, portalId, type }: Omit<WriteScope, 'source'>,
  values: Record<string, string>,
  ownId?: string,
): void {
  for (const name of crm.properties.uniqueNames(portalId, type)) {
    const value = values[name];
    const holder = value ? crm.records.find(portalId, type, value, name) : undefined;
    if (holder && holder.id !== ownId) {
      const label = type.singular.charAt(0).toUpperCase() + type.singular.slice(1);
      throw new ApiError(409, 'CONFLICT', `${label} already exists. Existing ID: ${holder.id}`);
    }
  }
}
