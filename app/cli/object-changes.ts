import { type FileHandle, open } from 'node:fs/promises';
import type { Command } from 'commander';
import type { ChangedRecord } from '../hubspot/apis/object-changes.ts';
import type { PortalApis } from '../hubspot/portal-apis.ts';
import { ProblemError, type Tools, wholeNumber } from './command.ts';
import { addVerb, type ObjectGroup, recordsOf, type TypeOptions, typeOf } from './object-group.ts';
import type { Bar } from './output.ts';
import { callHubSpot } from './portal-calls.ts';
import { namesOption } from './property-options.ts';
import { HIDDEN } from './show-records.ts';
import { timeArgument } from './time.ts';

interface ChangedOptions extends TypeOptions {
  readonly since?: Date;
  readonly cursor?: string;
  readonly properties?: readonly string[];
  readonly limit?: number;
  readonly deletions: boolean;
  readonly out?: string;
}

/** The changes, and the cursor to continue after them; without changes the cursor of the call. */
interface Read {
  readonly count: number;
  /** Empty when they were written to a file. */
  readonly records: readonly ChangedRecord[];
  readonly cursor: string | undefined;
}

/** `changed`: records by the time of their last change, to poll for changes. */
export function changedCommand(group: Command, tools: Tools, type: ObjectGroup): void {
  const out = () => tools.output();

  addVerb(group, type, 'changed', `show changed and deleted ${type.area}, oldest change first`)
    .option('--since <time>', 'such as 2026-11-21, 2026-11-21T09:30:00Z, 30m, 2h, 3d', timeArgument)
    .option('--cursor <cursor>', 'continue where an earlier call ended')
    .option('--properties <names>', 'properties to show, separated by commas', namesOption)
    .option('--no-deletions', 'omit deleted records; does not read the recycle bin')
    .option('--limit <number>', 'maximum number; default: all', wholeNumber(1))
    .option('--out <file>', 'append each record to a file, as a line of JSON with its cursor')
    .action((options: ChangedOptions) => {
      const { since, cursor } = options;
      if (!since && cursor === undefined) throw new ProblemError('Give --since or --cursor.');
      return callHubSpot(
        tools,
        options,
        (apis) => out().progress(typeOf(type, options), (bar) => read(apis, bar, options)),
        (found) => show(found, options),
        'background',
      );
    });

  async function read(apis: PortalApis, bar: Bar, options: ChangedOptions): Promise<Read> {
    const {
      since = new Date(),
      cursor,
      properties,
      deletions,
      limit = Infinity,
      dryRun,
      out: file,
    } = options;
    let bounded = false;
    const onTotal = (total: number) => {
      bounded = true;
      bar.start(Math.min(total, limit));
    };
    const wanted = { cursor, deletions, onTotal, ...(properties && { properties }) };
    const handle: FileHandle | undefined = file === undefined || dryRun ? undefined : await openFile(file);
    const records: ChangedRecord[] = [];
    let [count, last] = [0, cursor];
    try {
      for await (const record of recordsOf(apis, type, options).changedSince(since, wanted)) {
        if (handle) await handle.appendFile(`${JSON.stringify(record)}\n`);
        else records.push(record);
        count += 1;
        last = record.cursor;
        if (bounded) bar.at(count);
        if (count === limit) break;
      }
    } catch (error) {
      if (count > 0) out().note(`After ${count} ${typeOf(type, options)}. ${goOn(last)}`);
      throw error;
    } finally {
      await handle?.close();
    }
    return { count, records, cursor: last };
  }

  function show({ count, records, cursor }: Read, options: ChangedOptions): void {
    const { out: file } = options;
    const area = typeOf(type, options);
    if (file !== undefined) {
      const what = count === 1 ? `1 ${type.singular} is` : `${count} ${area} are`;
      out().done(`${what} written to ${file}.`, { file, count, cursor: cursor ?? null });
    } else {
      const names = new Set(records.flatMap(({ properties }) => Object.keys(properties)));
      const columns = ['id', 'change', ...[...names].filter((name) => !HIDDEN.has(name))];
      const rows: Record<string, string | null>[] = records.map(({ id, properties, archived }) => {
        return { ...properties, id, change: archived ? 'deleted' : 'changed' };
      });
      const none = records.length === 0 ? { after: `No ${area} were changed or deleted.` } : {};
      out().report({ rows, columns, ...none }, { records, cursor: cursor ?? null });
    }
    if (cursor !== undefined) out().note(goOn(cursor));
  }
}

const goOn = (cursor: string | undefined) => `Go on with --cursor ${cursor}`;

const openFile = (file: string): Promise<FileHandle> =>
  open(file, 'a').catch((error: NodeJS.ErrnoException) => {
    throw new ProblemError(`${file} cannot be written: ${error.code}. Nothing was read.`);
  });
