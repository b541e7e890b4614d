import { AppError } from '../../base/errors.ts';
import { HubSpotError } from '../client/errors.ts';
import type { Send } from '../client/http.ts';
import { patientAfter } from '../client/pages.ts';
import type { CrmRecord } from './crm-record.ts';
import { type SearchFilter, searchPage } from './object-search.ts';

export interface ChangesOptions {
  readonly properties?: readonly string[];
  /** Continues after a record of an earlier call; takes precedence over the date. */
  readonly cursor?: string | undefined;
  /** False omits deleted records, so that the recycle bin is not read. */
  readonly deletions?: boolean;
  /** Called once, when HubSpot has returned the number of changes. */
  readonly onTotal?: (total: number) => void;
}

/** A changed record; a deleted one is `archived`. The cursor continues after it. */
export type ChangedRecord = CrmRecord & { readonly cursor: string };

/** A position in the order of changes: from a time (epoch ms) on, or after one record of that time. */
interface Position {
  readonly at: number;
  readonly id?: string | undefined;
}

interface Change {
  readonly at: number;
  readonly record: CrmRecord;
}

/** Exactly at a time, from it on, or after it. */
interface Moments {
  readonly operator: 'EQ' | 'GT' | 'GTE';
  readonly at: number;
}

const ID = 'hs_object_id';

/**
 * How long HubSpot's search may take to find a change. A cursor is never later than the start of a call minus
 * this time: the next call returns what the search did not find yet, and repeats the few changes that it did find.
 */
const SETTLED_AFTER_MS = 30_000;

/**
 * Changed and deleted records, ordered by time and then by id. A search has one sort order and returns 10,000
 * results by offset, and offsets shift while records change. So each page is a new search that starts
 * where the last one ended. A page full of changes with the same time, as after bulk edits, is continued by id.
 * @param recycleBin reads the whole recycle bin: HubSpot cannot filter it by date.
 */
export async function* changedRecords(
  send: Send,
  path: string,
  recycleBin: () => AsyncIterable<CrmRecord>,
  since: Date,
  { properties = [], cursor, deletions = true, onTotal }: ChangesOptions,
): AsyncGenerator<ChangedRecord, void> {
  const start = cursor === undefined ? { at: momentOf(since) } : parseCursor(cursor);
  const settled = latest(start, { at: Date.now() - SETTLED_AFTER_MS });
  const shown = ({ at, record }: Change): ChangedRecord => {
    const reached = { at, id: record.id };
    return { ...record, cursor: writeCursor(isBehind(reached, settled) ? settled : reached) };
  };

  const deleted = deletions ? await deletedSince(recycleBin(), start) : [];
  const onFound = (changes: number) => onTotal?.(changes + deleted.length);
  let next = 0;
  for await (const change of modifiedSince(createReader(send, path, properties), start, onFound)) {
    for (let gone = deleted[next]; gone && inOrder(gone, change) < 0; gone = deleted[next]) {
      yield shown(gone);
      next += 1;
    }
    yield shown(change);
  }
  for (const gone of deleted.slice(next)) yield shown(gone);
}

type Reader = ReturnType<typeof createReader>;

/** Reads single pages of changes from HubSpot's search. */
function createReader(send: Send, path: string, properties: readonly string[]) {
  const modified = modifiedProperty(path);
  const wanted = [...new Set([...properties, modified])];
  let calls = 0;

  async function read(filters: readonly SearchFilter[], propertyName: string) {
    const query = { groups: [{ filters }], properties: wanted, sort: { propertyName } };
    const {
      results,
      paging,
      total = results.length,
    } = await searchPage(patientAfter(calls, send), path, query);
    calls += 1;
    const changes = results.map((record) => ({ at: modifiedAt(record, modified, path), record }));
    return { changes, total, more: paging?.next !== undefined };
  }

  const within = ({ operator, at }: Moments): SearchFilter => {
    return { propertyName: modified, operator, value: String(at) };
  };

  return {
    /** The first changes of a period, ordered. */
    async from(moments: Moments) {
      const page = await read([within(moments)], modified);
      const isWithin = ({ at }: Change) => (moments.operator === 'GT' ? at > moments.at : at >= moments.at);
      const changes = page.changes.filter(isWithin).toSorted(inOrder);
      if (page.more && changes.length === 0) throw standsStill(path);
      return { ...page, changes };
    },

    /** The first changes with the same time and greater ids, ordered. */
    async ofMoment(at: number, id: string) {
      const behind = { propertyName: ID, operator: 'GT', value: id } as const;
      const page = await read([within({ operator: 'EQ', at }), behind], ID);
      const changes = page.changes
        .map(({ record }) => ({ at, record }))
        .filter(({ record }) => compareIds(record.id, id) > 0)
        .toSorted(inOrder);
      if (page.more && changes.length === 0) throw standsStill(path);
      return { ...page, changes };
    },
  };
}

async function* modifiedSince(
  reader: Reader,
  start: Position,
  onFound: (total: number) => void,
): AsyncGenerator<Change, void> {
  let moments: Moments = { operator: 'GTE', at: start.at };
  let before = 0;
  if (start.id !== undefined) {
    for await (const change of restOfMoment(reader, start.at, start.id)) {
      before += 1;
      yield change;
    }
    moments = { operator: 'GT', at: start.at };
  }
  for (let first = true; ; first = false) {
    const { changes, more, total } = await reader.from(moments);
    if (first) onFound(before + total);
    const last = changes.at(-1);
    if (!more || !last) {
      yield* changes;
      return;
    }
    // The page may end between records with the same time, and HubSpot does not order these.
    const whole = changes.filter(({ at }) => at < last.at);
    yield* whole;
    if (whole.length === 0) yield* restOfMoment(reader, last.at, '0');
    moments = { operator: whole.length === 0 ? 'GT' : 'GTE', at: last.at };
  }
}

async function* restOfMoment(reader: Reader, at: number, behind: string): AsyncGenerator<Change, void> {
  for (let id = behind; ; ) {
    const { changes, more } = await reader.ofMoment(at, id);
    yield* changes;
    id = changes.at(-1)?.record.id ?? id;
    if (!more) return;
  }
}

async function deletedSince(archived: AsyncIterable<CrmRecord>, start: Position): Promise<Change[]> {
  const deleted: Change[] = [];
  for await (const record of archived) {
    const at = Date.parse(record.archivedAt ?? record.updatedAt ?? '');
    if (isBehind({ at, id: record.id }, start)) deleted.push({ at, record: { ...record, archived: true } });
  }
  return deleted.sort(inOrder);
}

/** Contacts have a different property for the time of the last change than all other types. */
const modifiedProperty = (path: string) =>
  /\/(contacts?|0-1)$/i.test(path) ? 'lastmodifieddate' : 'hs_lastmodifieddate';

function modifiedAt({ properties, updatedAt }: CrmRecord, modified: string, path: string): number {
  const at = Date.parse(properties[modified] ?? updatedAt ?? '');
  if (!Number.isNaN(at)) return at;
  const problem = `an answer without usable ${modified}`;
  throw new HubSpotError({ method: 'POST', path: `${path}/search`, idempotent: true, problem });
}

const standsStill = (path: string) =>
  new HubSpotError({
    method: 'POST',
    path: `${path}/search`,
    idempotent: true,
    problem: 'a search that does not advance',
  });

const inOrder = (a: Change, b: Change) => a.at - b.at || compareIds(a.record.id, b.record.id);

/** Ids may exceed the safe integers. */
const compareIds = (a: string, b: string) => a.length - b.length || (a < b ? -1 : Number(a > b));

function isBehind(it: Required<Position>, { at, id }: Position): boolean {
  if (it.at !== at) return it.at > at;
  return id === undefined || compareIds(it.id ?? '', id) > 0;
}

const latest = (a: Position, b: Position) => (a.at >= b.at ? a : b);

/** `2026-11-27T09:30:00.000Z/101`: after this record; without an id everything from this time on. */
const writeCursor = ({ at, id }: Position) => [new Date(at).toISOString(), id ?? []].flat().join('/');

function parseCursor(text: string): Position {
  const [, time = '', id] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z)(?:\/(\d+))?$/.exec(text) ?? [];
  const at = Date.parse(time);
  if (!Number.isNaN(at)) return { at, id };
  throw new AppError(
    400,
    'invalid_cursor',
    'This is not the cursor of a changed record. Nothing was read; a cursor looks like 2026-11-27T09:30:00.000Z/101.',
  );
}

function momentOf(since: Date): number {
  if (!Number.isNaN(since.getTime())) return since.getTime();
  throw new AppError(
    400,
    'invalid_date',
    'The date from which to read changes is invalid. Nothing was read.',
  );
}
