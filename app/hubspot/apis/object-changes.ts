import { AppError } from '../../base/errors.ts';
import { HubSpotError } from '../client/errors.ts';
import type { Send } from '../client/http.ts';
import { patientAfter } from '../client/pages.ts';
import type { CrmRecord } from './crm-record.ts';
import { type SearchFilter, searchPage } from './object-search.ts';

export interface ChangesOptions {
  readonly properties?: readonly string[];
  /** Goes on behind a record of an earlier reading, whatever the date. */
  readonly cursor?: string | undefined;
  /** False leaves out deleted records, and with them the reading of the whole recycle bin. */
  readonly deletions?: boolean;
  /** Called once, as soon as HubSpot has said how many changes there are. */
  readonly onTotal?: (total: number) => void;
}

/** A record that was changed, or deleted when it is `archived`. The cursor goes on behind it. */
export type ChangedRecord = CrmRecord & { readonly cursor: string };

/** A place in the order of changes: all of a moment (epoch ms), or what comes behind one record of it. */
interface Position {
  readonly at: number;
  readonly id?: string | undefined;
}

interface Change {
  readonly at: number;
  readonly record: CrmRecord;
}

/** A moment, or all from it or behind it. */
interface Moments {
  readonly operator: 'EQ' | 'GT' | 'GTE';
  readonly at: number;
}

const ID = 'hs_object_id';

/**
 * How long HubSpot's search may take to find a change. A cursor never points behind the beginning of a reading less
 * this time: what the search did not find yet comes with the next reading, and the little that it did find, again.
 */
const SETTLED_AFTER_MS = 30_000;

/**
 * What was changed or deleted, in the order of the moments and then of ids. A search has one sort and shows 10,000
 * results by their place in it, and places shift while records are changed; so each page is a search of its own from
 * where the last one ended, and a page full of one moment, as HubSpot's mass changes leave it, is continued by id.
 * @param recycleBin reads all of it: HubSpot cannot filter it by date.
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
    /** The first changes of these moments, ordered. */
    async from(moments: Moments) {
      const page = await read([within(moments)], modified);
      const isWithin = ({ at }: Change) => (moments.operator === 'GT' ? at > moments.at : at >= moments.at);
      const changes = page.changes.filter(isWithin).toSorted(inOrder);
      if (page.more && changes.length === 0) throw standsStill(path);
      return { ...page, changes };
    },

    /** The first changes of one moment with greater ids, ordered. */
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
    // The page may have cut the last moment in two, and HubSpot does not order the records of one.
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

/** Contacts keep the moment in a property of another name than all other types. */
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

/** Ids have too many digits for a number. */
const compareIds = (a: string, b: string) => a.length - b.length || (a < b ? -1 : Number(a > b));

function isBehind(it: Required<Position>, { at, id }: Position): boolean {
  if (it.at !== at) return it.at > at;
  return id === undefined || compareIds(it.id ?? '', id) > 0;
}

const latest = (a: Position, b: Position) => (a.at >= b.at ? a : b);

/** `2026-11-27T09:30:00.000Z/101`: behind this record; without an id everything from the moment on. */
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
