import type { Command } from 'commander';
import type { ListMembership, MembershipChange, RecordList } from '../hubspot/apis/lists.ts';
import { objectTypeName } from '../hubspot/apis/object-type-ids.ts';
import type { PortalApis } from '../hubspot/portal-apis.ts';
import { type CommandGroup, destructiveAction, ProblemError, wholeNumber } from './command.ts';
import type { Bar } from './output.ts';
import { callHubSpot, type PortalOptions, withPortalOptions } from './portal-calls.ts';
import { recordArgument } from './property-options.ts';
import { readRecords, type Separator, separatorOption } from './records-file.ts';

interface ChangeOptions extends PortalOptions {
  readonly file?: string;
  readonly separator?: Separator;
}

type Change = (
  lists: PortalApis['lists'],
  recordIds: readonly string[],
  bar: Bar,
) => Promise<MembershipChange>;

const LIMIT = 100;

/** `lists`: lists of records, called segments in HubSpot’s UI, and their members. */
export const listCommands: CommandGroup = (program, tools) => {
  const group = program.command('lists').description('lists of records (segments) and their members');
  const verb = (name: string, description: string) =>
    withPortalOptions(group.command(name).description(description));
  const out = () => tools.output();

  verb('list', 'show the lists')
    .option('--query <words>', 'words in the name')
    .option('--type <type>', 'type of the records, such as contacts')
    .action((options: PortalOptions & { query?: string; type?: string }) => {
      const { query, type } = options;
      return callHubSpot(
        tools,
        options,
        ({ lists }) => Array.fromAsync(lists.list({ query, type })),
        (found) =>
          out().report(
            { ...table(found), ...(found.length === 0 && { after: 'There are no such lists.' }) },
            found,
          ),
      );
    });

  verb('get', 'show a list')
    .argument('<list-id>')
    .option('--filters', 'also show its filters')
    .action((listId: string, options: PortalOptions & { filters?: boolean }) =>
      callHubSpot(
        tools,
        options,
        ({ lists }) => lists.get(listId, { filters: options.filters ?? false }),
        showOne,
      ),
    );

  verb('get-by-name', 'show the list with a name')
    .argument('<type>', 'the type of its records, such as contacts')
    .argument('<name>')
    .action((type: string, name: string, options: PortalOptions) =>
      callHubSpot(tools, options, ({ lists }) => lists.getByName(type, name), showOne),
    );

  verb('members', 'show the members of a list, ordered by id')
    .argument('<list-id>')
    .option('--limit <number>', 'maximum number', wholeNumber(1), LIMIT)
    .action((listId: string, options: PortalOptions & { limit: number }) => {
      const { limit } = options;
      return callHubSpot(
        tools,
        options,
        ({ lists }) => first(lists.members(listId), limit + 1),
        (found) => {
          const members = found.slice(0, limit);
          out().list(members, ['recordId', 'membershipTimestamp'], 'The list has no members.');
          if (found.length > limit) out().note('There are more; increase --limit.');
        },
      );
    });

  verb('of', 'show the lists that contain a record')
    .argument('<record>', 'such as contacts:101', recordArgument)
    .action((record: ReturnType<typeof recordArgument>, options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        async ({ lists }) => named(lists, await lists.membershipsOf(record)),
        (found) =>
          out().list(
            found,
            ['listId', 'name', 'firstAddedTimestamp', 'lastAddedTimestamp'],
            `${record.type}:${record.id} is not in any list.`,
          ),
      ),
    );

  withRecords(verb('add', 'put records into a list')).action(
    (listId: string, ids: string[], options: ChangeOptions) =>
      change(ids, options, `Added to the list ${listId}`, 'added', (lists, recordIds, bar) =>
        lists.add(listId, recordIds, bar.at),
      ),
  );

  destructiveAction(
    tools,
    withRecords(verb('remove', 'remove records from a list; they stay in the CRM')),
    async (listId: string, ids: string[], options: ChangeOptions) => {
      const count = (await idsOf(ids, options)).length;
      return `This removes ${count} ${count === 1 ? 'record' : 'records'} from the list ${listId}.`;
    },
    (listId: string, ids: string[], options: ChangeOptions) =>
      change(ids, options, `Removed from the list ${listId}`, 'removed', (lists, recordIds, bar) =>
        lists.remove(listId, recordIds, bar.at),
      ),
  );

  async function change(
    ids: readonly string[],
    options: ChangeOptions,
    what: string,
    key: 'added' | 'removed',
    work: Change,
  ): Promise<void> {
    const recordIds = await idsOf(ids, options);
    await callHubSpot(
      tools,
      options,
      ({ lists }) =>
        out().progress('records', (bar) => {
          bar.start(recordIds.length);
          return work(lists, recordIds, bar);
        }),
      (done) => showChange(done, recordIds, what, key),
      options.file ? 'background' : 'interactive',
    );
  }

  /** @throws {ProblemError} when a record is missing, for exit code 1. */
  function showChange(
    done: MembershipChange,
    recordIds: readonly string[],
    what: string,
    key: 'added' | 'removed',
  ): void {
    const told = new Set([...done[key], ...done.missing]);
    const unchanged = recordIds.filter((id) => !told.has(id));
    const before = key === 'added' ? 'in it already' : 'not in it';
    const was = unchanged.length === 1 ? 'was' : 'were';
    const others = unchanged.length > 0 ? ` ${unchanged.length} ${was} ${before}.` : '';
    out().done(`${what}: ${done[key].length} of ${recordIds.length} records.${others}`, {
      [key]: done[key],
      unchanged,
      missing: done.missing,
    });
    if (done.missing.length > 0) {
      const some = done.missing.slice(0, 10).join(', ');
      const more = done.missing.length > 10 ? ', …' : '';
      throw new ProblemError(`These records of the list’s type do not exist: ${some}${more}.`);
    }
  }

  function showOne(list: RecordList): void {
    const { filterBranch, ...fields } = list;
    out().one({ ...fields, ...(filterBranch !== undefined && { filters: filterBranch as object }) }, list);
  }
};

const withRecords = (command: Command): Command =>
  command
    .argument('<list-id>', 'id of a list without filters')
    .argument('[record-ids...]', 'unless there is a file')
    .option('--file <file>', 'many records: .csv or .jsonl with `id`')
    .addOption(separatorOption());

async function idsOf(ids: readonly string[], { file, separator }: ChangeOptions): Promise<readonly string[]> {
  if (file !== undefined && ids.length > 0) {
    throw new ProblemError('Give ids or --file, not both. Nothing was sent.');
  }
  const given = file === undefined ? ids.map((id) => ({ id, where: id })) : await idsIn(file, separator);
  if (given.length === 0) throw new ProblemError('Give ids or --file.');
  const wrong = given.find(({ id }) => !/^\d+$/.test(id ?? ''));
  if (wrong) throw new ProblemError(`${wrong.where} is not a record id. Nothing was sent.`);
  return [...new Set(given.flatMap(({ id }) => id ?? []))];
}

async function idsIn(
  file: string,
  separator?: Separator,
): Promise<{ id: string | undefined; where: string }[]> {
  const rows = await readRecords(file, separator);
  return rows.map(({ line, values: { id } }) => ({ id, where: `${file}:${line} ${id ?? '(no id)'}` }));
}

async function first<T>(all: AsyncIterable<T>, count: number): Promise<T[]> {
  const found: T[] = [];
  for await (const it of all) {
    found.push(it);
    if (found.length === count) break;
  }
  return found;
}

/** Adds the names of the lists to memberships. */
async function named(lists: PortalApis['lists'], memberships: readonly ListMembership[]) {
  if (memberships.length === 0) return [];
  const listIds = memberships.map(({ listId }) => listId);
  const names = new Map<string, string>();
  for await (const { listId, name } of lists.list({ listIds })) names.set(listId, name);
  return memberships.map((membership) => ({ ...membership, name: names.get(membership.listId) }));
}

function table(lists: readonly RecordList[]) {
  const rows = lists.map(({ listId, name, objectTypeId, processingType, size }) => {
    return { id: listId, name, type: objectTypeName(objectTypeId), processing: processingType, size };
  });
  return { rows, columns: ['id', 'name', 'type', 'processing', 'size'] as const };
}
