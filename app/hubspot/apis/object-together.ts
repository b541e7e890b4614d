import { together } from '../client/coalesce.ts';
import type { Together } from '../client/http.ts';
import type { CrmRecord } from './crm-record.ts';
import { recordBatches } from './object-batches.ts';
import type { PropertyValues } from './property-values.ts';

interface ReadOptions {
  readonly idProperty?: string | undefined;
  readonly associations?: readonly string[] | undefined;
  readonly propertiesWithHistory?: readonly string[] | undefined;
  readonly archived?: boolean | undefined;
}

/** Reads of records with the same properties are one `batch/read`, which has neither associations nor the recycle bin. */
export function readTogether(
  path: string,
  id: string,
  properties: readonly string[],
  { idProperty, associations = [], propertiesWithHistory = [], archived = false }: ReadOptions,
): Together | undefined {
  if (associations.length > 0 || propertiesWithHistory.length > 0 || archived) return undefined;
  const names = [...new Set(properties)].sort();
  return together({
    kind: `read ${path} ${idProperty} ${names}`,
    subject: id,
    isWrite: false,
    batch: recordBatches(path).read(properties, { idProperty }),
    input: id,
    responseOf: (record) =>
      idProperty && !names.includes(idProperty) ? withoutProperty(record, idProperty) : record,
  });
}

/** Updates of different records are one `batch/update`. */
export const updateTogether = (
  path: string,
  id: string,
  properties: PropertyValues,
  idProperty: string | undefined,
): Together =>
  together({
    kind: `update ${path} ${idProperty}`,
    subject: `${path} ${idProperty} ${id}`,
    isWrite: true,
    batch: recordBatches(path).update(idProperty),
    input: { id, properties },
    responseOf: (record) => record,
  });

function withoutProperty(record: CrmRecord, name: string): CrmRecord {
  const { [name]: _, ...properties } = record.properties;
  return { ...record, properties };
}
