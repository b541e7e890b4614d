import type { CrmRecord } from '../hubspot/apis/crm-record.ts';
import type { Output } from './output.ts';

/** Prints one record, property by property; as JSON, as HubSpot returns it. */
export function showRecord(out: Output, record: CrmRecord): void {
  const { id, properties, archived } = record;
  const rows = [
    { property: 'id', value: id },
    ...Object.entries(properties)
      .filter(([name]) => name !== 'hs_object_id')
      .map(([property, value]) => ({ property, value })),
    ...associationRows(record),
    ...(archived ? [{ property: 'archived', value: 'true' }] : []),
  ];
  out.report({ rows, columns: ['property', 'value'] }, record);
}

/** Prints associated records: a row per type, with their ids. */
const associationRows = ({ associations = {} }: CrmRecord) =>
  Object.entries(associations).map(([property, { results }]) => ({
    property,
    value: [...new Set(results.map((it) => it.id))].join(' '),
  }));

/** Prints the history of properties, then the associations; as JSON, the record as HubSpot returns it. */
export function showHistory(out: Output, record: CrmRecord): void {
  const rows = Object.entries(record.propertiesWithHistory ?? {}).flatMap(([property, versions]) =>
    versions.map(({ value, timestamp, sourceType, sourceLabel, sourceId }) => ({
      property,
      value,
      since: timestamp,
      source: [sourceType, sourceLabel ?? sourceId].filter(Boolean).join(' '),
    })),
  );
  const none = rows.length === 0 ? { after: 'HubSpot has no history of these properties.' } : {};
  const associated = associationRows(record).map((row) => ({ ...row, since: null, source: null }));
  out.report(
    { rows: [...rows, ...associated], columns: ['property', 'value', 'since', 'source'], ...none },
    record,
  );
}

/** Properties that every record has and that tables omit. */
export const HIDDEN = new Set([
  'hs_object_id',
  'createdate',
  'lastmodifieddate',
  'hs_createdate',
  'hs_lastmodifieddate',
]);

export interface Found {
  readonly records: readonly CrmRecord[];
  /** There are more records. */
  readonly more: boolean;
}

/** Prints records as a table; as JSON, as HubSpot returns them. Both note when there are more. */
export function showRecords(out: Output, { records, more }: Found, what: string): void {
  const names = new Set(records.flatMap(({ properties }) => Object.keys(properties)));
  const columns = ['id', ...[...names].filter((name) => !HIDDEN.has(name))];
  const rows: Record<string, string | null>[] = records.map(({ id, properties }) => ({ ...properties, id }));
  const none = records.length === 0 ? { after: `There are no such ${what}.` } : {};
  out.report({ rows, columns, ...none }, records);
  if (records.length > 0 && columns.length === 1)
    out.note('Choose the properties to show with --properties.');
  if (more) out.note('There are more; increase --limit.');
}
