import { asEmails, emailsOf, FURTHER_EMAILS, uniqueValues } from '../state/contact-emails.ts';
import type { ObjectType } from '../state/object-types.ts';
import type { CrmRecord } from '../state/record.ts';
import { ApiError, notFound, validationError } from './api-error.ts';
import {
  associate,
  type NewAssociation,
  refuseTooManyOfNew,
  resolveAssociations,
} from './association-writes.ts';
import { checkedValues } from './property-values.ts';
import type { WriteScope } from './write-scope.ts';

type Values = Record<string, unknown>;

/** A validated write that is not done yet, so that a batch can validate all of its inputs first. */
export interface PlannedWrite {
  /** The unique values that it writes: `email=jane@example.com`. */
  readonly takes: readonly string[];
  write(): CrmRecord;
}

/** Creates a record, or throws HubSpot's error: 400 for values, 409 when a unique value is taken. */
export const createRecord = (...args: Parameters<typeof planCreate>): CrmRecord =>
  planCreate(...args).write();

/** Changes a record; throws as `createRecord` does. */
export const updateRecord = (...args: Parameters<typeof planUpdate>): CrmRecord =>
  planUpdate(...args).write();

export function planCreate(
  scope: WriteScope,
  values: Values,
  associations: readonly NewAssociation[] = [],
): PlannedWrite {
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
  // Before anything is written, so that no record exists without its associations.
  const resolved = resolveAssociations(scope, associations);
  refuseTooManyOfNew(scope, resolved);
  return {
    takes: taken(scope, checked),
    write() {
      const record = crm.records.create(portalId, type, checked, source);
      for (const { to, types } of resolved) associate(scope, record, to, types);
      return record;
    },
  };
}

export function planUpdate(scope: WriteScope, record: CrmRecord, values: Values): PlannedWrite {
  const checked = keepFormerEmail(checkedValues(scope, values, record), record);
  refuseTaken(scope, checked, record.id);
  return {
    takes: taken(scope, checked),
    write: () => scope.crm.records.update(record, checked, scope.source),
  };
}

/** Restores a record from the recycle bin; throws 409 when another one has its unique value now. */
export function restoreRecord(scope: WriteScope, record: CrmRecord): void {
  refuseTaken(scope, record.properties, record.id);
  scope.crm.records.restore(record, scope.source);
}

/** Finds an active record by id or unique property; throws 404, or 400 when the property is not unique. */
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

/** A secondary address that becomes the primary one is swapped with it. */
function keepFormerEmail(values: Record<string, string>, record: CrmRecord): Record<string, string> {
  const { email } = values;
  const held = emailsOf(record.properties);
  const isOwn = email !== undefined && held.includes(email) && values[FURTHER_EMAILS] === undefined;
  return isOwn ? { ...values, ...asEmails([email, ...held]) } : values;
}

const taken = ({ crm, portalId, type }: WriteScope, values: Record<string, string>) =>
  uniqueValues(crm.properties.uniqueNames(portalId, type), values).map(
    ({ name, value }) => `${name}=${value}`,
  );

/** Throws 409 when another record holds one of these unique values. */
function refuseTaken(
  { crm, portalId, type }: Omit<WriteScope, 'source'>,
  values: Record<string, string>,
  ownId?: string,
): void {
  for (const { name, value } of uniqueValues(crm.properties.uniqueNames(portalId, type), values)) {
    const holder = crm.records.find(portalId, type, value, name);
    if (holder && holder.id !== ownId) {
      throw alreadyExists(type, ` Existing ID: ${holder.id}`);
    }
  }
}

export function alreadyExists({ singular }: ObjectType, more = ''): ApiError {
  const label = singular.charAt(0).toUpperCase() + singular.slice(1);
  return new ApiError(409, 'CONFLICT', `${label} already exists.${more}`);
}
