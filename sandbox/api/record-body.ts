import type { Properties } from '../state/properties.ts';
import type { CrmRecord } from '../state/record.ts';

/** Most records of one request that asks for the histories of properties. */
export const MAX_HISTORIES = 50;

/** A record in HubSpot's words: SPEC `SimplePublicObject`. */
export interface SimplePublicObject {
  id: string;
  properties: Record<string, string | null>;
  createdAt: string;
  updatedAt: string;
  archived: boolean;
  archivedAt?: string;
  [field: string]: unknown;
}

export interface ShownProperties {
  /** None: the type's default properties. */
  properties?: readonly string[];
  propertiesWithHistory?: readonly string[];
}

/** Shows the named properties, `null` where a record has no value, and leaves out unknown names. */
export function recordBody(
  definitions: Properties,
  record: CrmRecord,
  shown: ShownProperties = {},
): SimplePublicObject {
  const { type, portalId } = record;
  const always = ['hs_object_id', 'createdate', type.modifiedProperty];
  const asked = shown.properties?.length ? [...shown.properties, ...always] : type.defaultProperties;
  const names = [...new Set(asked)].filter((name) => definitions.find(portalId, type, name)).sort();
  const history = (shown.propertiesWithHistory ?? []).filter((name) =>
    definitions.find(portalId, type, name),
  );
  return {
    id: record.id,
    properties: Object.fromEntries(names.map((name) => [name, record.properties[name] ?? null])),
    ...(history.length > 0 && {
      propertiesWithHistory: Object.fromEntries(history.map((name) => [name, record.history[name] ?? []])),
    }),
    createdAt: new Date(record.createdAt).toISOString(),
    updatedAt: new Date(record.updatedAt).toISOString(),
    archived: record.archivedAt !== undefined,
    ...(record.archivedAt !== undefined && { archivedAt: new Date(record.archivedAt).toISOString() }),
  };
}

/** The answer to a write: the properties that were written beside those that HubSpot writes. */
export function writtenBody(
  definitions: Properties,
  record: CrmRecord,
  written: Record<string, string>,
): SimplePublicObject {
  return recordBody(definitions, record, { properties: ['createdate', ...Object.keys(written)] });
}
