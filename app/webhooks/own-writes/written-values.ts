import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { HubSpotRequest } from '../../hubspot/client/http.ts';

/** A change of a record, in the same form for the request that makes it and the webhook that reports it. */
export interface RecordChange {
  /** Without the object type: two types rarely share an id, and then rarely a value within a minute. */
  readonly objectId: string;
  readonly change: Change;
}

type Change =
  | readonly ['property', name: string, value: string]
  | readonly ['association', otherId: string, removed: boolean]
  | readonly ['creation' | 'deletion' | 'merge' | 'privacyDeletion'];

/** A change as it is stored: digests of 48 bits, which a number can hold exactly. */
export interface Mark {
  readonly record: number;
  readonly mark: number;
}

export const propertyChange = (objectId: string, name: string, value: unknown): RecordChange => ({
  objectId,
  change: ['property', name, valueText(value)],
});

export const associationChange = (from: string, to: string, removed: boolean): RecordChange => ({
  objectId: from,
  change: ['association', to, removed],
});

export const recordMark = (portalId: number, objectId: string): number => digest([portalId, objectId]);

export const markOf = (portalId: number, { objectId, change }: RecordChange): Mark => ({
  record: recordMark(portalId, objectId),
  // Includes the record, so that marks do not reveal which records have the same value.
  mark: digest([portalId, objectId, ...change]),
});

function digest(parts: readonly unknown[]): number {
  return createHash('sha256').update(JSON.stringify(parts)).digest().readUIntLE(0, 6);
}

/** HubSpot trims values and stores e-mail addresses in lower case. The value in a webhook may be any JSON. */
function valueText(value: unknown): string {
  const given = value ?? '';
  const text = (typeof given === 'object' ? JSON.stringify(given) : String(given)).trim();
  return text.includes('@') ? text.toLowerCase() : text;
}

/** What a request changes at HubSpot; undefined when it changes no record. */
export function changesOf(request: HubSpotRequest): WrittenChanges | undefined {
  if (request.method === 'GET') return undefined;
  const { path } = request;
  const pairs = PAIRS_BATCH.exec(path);
  if (pairs) return changesOfPairs(pairs[1] ?? '', request.json);
  const [, rest] = OBJECTS.exec(path) ?? [];
  if (rest === undefined) return undefined;
  const [id = '', ...more] = rest.split('/').filter(Boolean).map(decodeURIComponent);
  if (id === '') return changesOfCreate([request.json]);
  if (id === 'batch') return changesOfBatch(more[0], request.json);
  if (id === 'merge') return { known: mergedBy(request.json) };
  if (id === 'gdpr-delete') return { known: erasedBy(request.json) };
  if (more[0] === 'associations') return changesOfPair(request.method, id, more.at(-1));
  if (request.method === 'DELETE') return { known: [{ objectId: id, change: ['deletion'] }] };
  if (request.method !== 'PATCH') return undefined;
  return changesOfUpdate([{ id, idProperty: request.query?.idProperty, ...asObject(request.json) }]);
}

export interface WrittenChanges {
  /** Changes of records whose ids are in the request. */
  readonly known: readonly RecordChange[];
  /** Changes of records whose ids are only in the answer. */
  readonly fromAnswer?: ((answer: unknown) => readonly RecordChange[]) | undefined;
}

/** Below the path of a type: `/crm/objects/2026-09/contacts/…`, `/crm/v3/objects/contacts/…`, `/crm/v4/objects/…`. */
const OBJECTS = /^\/crm\/(?:objects\/[\w-]+|v\d\/objects)\/[^/]+\/?(.*)$/;
const PAIRS_BATCH =
  /^\/crm\/(?:associations\/[\w-]+|v\d\/associations)\/[^/]+\/[^/]+\/batch\/(create|associate\/default|archive|labels\/archive)$/;

const properties = z.record(z.string(), z.unknown()).catch({});
const ref = z.object({ id: z.coerce.string() });
const input = z.object({
  id: z.coerce.string().optional(),
  idProperty: z.unknown().optional(),
  properties,
  associations: z.array(z.object({ to: ref })).catch([]),
});
const inputs = z.object({ inputs: z.array(input) });
const pair = z.object({ from: ref, to: z.union([ref.transform((one) => [one]), z.array(ref)]) });
const pairInputs = z.object({ inputs: z.array(pair) });
const record = z.object({ id: z.string(), properties, new: z.boolean().optional() });
const answers = z.union([
  z.object({ results: z.array(record) }).transform(({ results }) => results),
  record.transform((one) => [one]),
]);
const merge = z.object({ primaryObjectId: z.coerce.string() });
const erasure = z.object({ objectId: z.coerce.string(), idProperty: z.undefined().optional() });

type Input = z.output<typeof input>;
type Answered = z.output<typeof record>;

const asObject = (json: unknown) => (typeof json === 'object' && json !== null ? json : {});

function changesOfBatch(verb: string | undefined, json: unknown): WrittenChanges | undefined {
  const given = inputs.safeParse(json).data?.inputs ?? [];
  switch (verb) {
    case 'create':
      return changesOfCreate(given);
    case 'update':
      return changesOfUpdate(given);
    case 'upsert':
      return { known: [], fromAnswer: answeredChanges(given, ({ new: isNew }) => isNew === true) };
    case 'archive':
      return {
        known: given.flatMap(({ id }) => (id === undefined ? [] : [{ objectId: id, change: ['deletion'] }])),
      };
    default:
      return undefined;
  }
}

function changesOfCreate(json: readonly unknown[]): WrittenChanges {
  const given = json.flatMap((one) => input.safeParse(one).data ?? []);
  const created = answeredChanges(given, () => true);
  // The answer to a batch does not show which associations belong to which record.
  const others = given.length === 1 ? (given[0]?.associations ?? []) : [];
  return {
    known: [],
    fromAnswer: (answer) => [
      ...created(answer),
      ...(answers.safeParse(answer).data ?? []).flatMap(({ id }) =>
        others.flatMap(({ to }) => bothWays(id, to.id, false)),
      ),
    ],
  };
}

function changesOfUpdate(json: readonly unknown[]): WrittenChanges {
  const given = json.flatMap((one) => input.safeParse(one).data ?? []);
  const known = given.filter(({ id, idProperty }) => id !== undefined && idProperty === undefined);
  const others = given.filter(({ idProperty }) => idProperty !== undefined);
  return {
    known: known.flatMap(({ id = '', properties }) => valuesOf(id, properties)),
    fromAnswer: others.length > 0 ? answeredChanges(others, () => false) : undefined,
  };
}

/** The written properties of the records in the answer, with the values that HubSpot stored. */
function answeredChanges(given: readonly Input[], isCreated: (record: Answered) => boolean) {
  const written = new Set(given.flatMap(({ properties }) => Object.keys(properties)));
  return (answer: unknown): RecordChange[] =>
    (answers.safeParse(answer).data ?? []).flatMap((one): RecordChange[] => [
      ...valuesOf(
        one.id,
        Object.fromEntries(Object.entries(one.properties).filter(([name]) => written.has(name))),
      ),
      ...(isCreated(one) ? [{ objectId: one.id, change: ['creation'] } as const] : []),
    ]);
}

const valuesOf = (objectId: string, values: Readonly<Record<string, unknown>>) =>
  Object.entries(values).map(([name, value]) => propertyChange(objectId, name, value));

function changesOfPairs(verb: string, json: unknown): WrittenChanges {
  const given = pairInputs.safeParse(json).data?.inputs ?? [];
  const removed = verb.endsWith('archive');
  return { known: given.flatMap(({ from, to }) => to.flatMap(({ id }) => bothWays(from.id, id, removed))) };
}

function changesOfPair(method: string, from: string, to: string | undefined): WrittenChanges | undefined {
  return to === undefined ? undefined : { known: bothWays(from, to, method === 'DELETE') };
}

/** HubSpot reports associations from either end. */
const bothWays = (one: string, other: string, removed: boolean) => [
  associationChange(one, other, removed),
  associationChange(other, one, removed),
];

function mergedBy(json: unknown): RecordChange[] {
  const { data } = merge.safeParse(json);
  return data ? [{ objectId: data.primaryObjectId, change: ['merge'] }] : [];
}

function erasedBy(json: unknown): RecordChange[] {
  const { data } = erasure.safeParse(json);
  if (!data) return [];
  return [
    { objectId: data.objectId, change: ['deletion'] },
    { objectId: data.objectId, change: ['privacyDeletion'] },
  ];
}
