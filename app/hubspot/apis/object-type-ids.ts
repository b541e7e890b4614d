/** The ids of HubSpot's standard types by their names in paths. */
const IDS: ReadonlyMap<string, string> = new Map([
  ['contacts', '0-1'],
  ['companies', '0-2'],
  ['deals', '0-3'],
  ['tickets', '0-5'],
  ['products', '0-7'],
  ['line_items', '0-8'],
  ['quotes', '0-14'],
  ['tasks', '0-27'],
  ['notes', '0-46'],
  ['meetings', '0-47'],
  ['calls', '0-48'],
  ['emails', '0-49'],
]);

/** The id of a type, for APIs that accept no names. Ids and names of custom types are returned unchanged. */
export const objectTypeId = (type: string): string => IDS.get(type) ?? type;

/** The name of a standard type; undefined for others. */
export const objectTypeName = (id: string): string => [...IDS].find(([, own]) => own === id)?.[0] ?? id;
