import type { Properties } from '../state/properties.ts';
import type { CrmRecord } from '../state/record.ts';

/** Maximum records per request with property histories. */
export const MAX_HISTORIES = 50;

/** A record in HubSpot's format: SPEC `SimplePublicObject`. */
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
  /** Empty: the type's default properties. */
  properties?: readonly string[];
  propertiesWithHistory?: readonly string[];
}

/** Includes the given properties, `null` for missing values, and omits unknown names. */
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

/** The response to a write: the written properties and those that HubSpot sets. */
export function writtenBody(
  definitions: Properties,
  record: CrmRecord,
  written: Record<string, string>,
): SimplePublicObject {
  return recordBody(definitions, record, { properties: ['createdate', ...Object.keys(written)] });
}
