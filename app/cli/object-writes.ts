import type { Command } from 'commander';
import type { AssociationSpec, CrmRecord, NewAssociation } from '../hubspot/apis/crm-record.ts';
import type { BatchOutcome, OnProgress } from '../hubspot/client/batch.ts';
import { HubSpotError } from '../hubspot/client/errors.ts';
import type { PortalApis } from '../hubspot/portal-apis.ts';
import { plainKind } from './association-kinds.ts';
import { reportRows, rowOutcomes } from './batch-report.ts';
import { destructiveAction, ProblemError, type Tools } from './command.ts';
import {
  addVerb,
  type ObjectGroup,
  recordsOf,
  typeOf,
  type Values,
  type WriteOptions,
} from './object-group.ts';
import { callHubSpot } from './portal-calls.ts';
import { propertyOption, recordsOption } from './property-options.ts';
import { type FileRow, readRecords, separatorOption } from './records-file.ts';
import { showRecord } from './show-records.ts';
import { howToCheck, unconfirmedCreation } from './unconfirmed.ts';

/** `create`, `create-or-update`, `update` and `delete`, for one record or for the rows of a file. */
export function writeCommands(group: Command, tools: Tools, type: ObjectGroup): void {
  const { area, singular, writeOptions = (it) => it, valuesOf = async () => ({}) } = type;
  const verb = (name: string, description: string) => addVerb(group, type, name, description);
  const writing = (command: Command) =>
    writeOptions(
      command
        .option('--property <name=value>', 'a property to write; repeatable', propertyOption)
        .option('--file <file>', 'write many: .csv with property names as columns, or .jsonl')
        .addOption(separatorOption()),
    );

  writing(verb('create', `create a ${singular}`))
    .option(
      '--associate <type:id>',
      'a record to associate it with, such as contacts:101; repeatable',
      recordsOption,
    )
    .action(async (options: WriteOptions) => {
      const { file, associate = [] } = options;
      if (file && associate.length > 0) throw new ProblemError('--associate cannot be combined with --file.');
      if (file) {
        const inputOf = ({ values }: FileRow, common: Values) => ({ properties: { ...common, ...values } });
        await fromFile(
          { ...options, file },
          `Created ${typeOf(type, options)}`,
          inputOf,
          (apis, inputs, onProgress) => recordsOf(apis, type, options).batchCreate(inputs, onProgress),
        );
        return;
      }
      await oneRecord(options, async (apis, values) => {
        // Created together with its associations, so that no record exists without them.
        const associations = await associationsOf(apis, options);
        const records = recordsOf(apis, type, options);
        return records.create(values, associations).catch((error) => {
          const unconfirmed = error instanceof HubSpotError && error.maybeDone;
          throw unconfirmed ? unconfirmedCreation(error, type, options) : error;
        });
      });
    });

  writing(verb('create-or-update', `create a ${singular}, or update the one with the same unique value`))
    .option('--id-property <name>', 'the unique property', type.idProperty)
    .action(async (options: WriteOptions) => {
      const { file, property = {}, idProperty = '' } = options;
      if (!idProperty) throw new ProblemError('Give the unique property with --id-property.');
      const inputOf = (values: Values, where: string) => {
        const { [idProperty]: id, ...properties } = values;
        if (!id) throw new ProblemError(`${where} has no value for ${idProperty}.`);
        return { id, properties };
      };
      if (file) {
        await fromFile(
          { ...options, file },
          `Created or updated ${typeOf(type, options)}`,
          ({ line, values }, common) => inputOf({ ...common, ...values }, `${file}:${line}`),
          (apis, inputs, onProgress) =>
            recordsOf(apis, type, options).batchUpsert(idProperty, inputs, onProgress),
        );
        return;
      }
      const input = inputOf(property, 'The command');
      await oneRecord(options, async (apis, { [idProperty]: _, ...properties }) => {
        const [outcome] = await recordsOf(apis, type, options).batchUpsert(idProperty, [
          { ...input, properties },
        ]);
        return taken(outcome);
      });
    });

  writing(verb('update', `update a ${singular}`).argument('[id]', 'its id, unless --file is given'))
    .option('--id-property <name>', 'look the record up by this unique property')
    .action(async (id: string | undefined, options: WriteOptions) => {
      const { file, idProperty } = options;
      refuseIdBesideFile(id, file);
      if (file) {
        const column = idProperty ?? 'id';
        const inputOf = ({ line, values }: FileRow, common: Values) => {
          const { [column]: id, ...properties } = values;
          if (!id) throw new ProblemError(`${file}:${line} has no ${column}.`);
          return { id, properties: { ...common, ...properties } };
        };
        await fromFile(
          { ...options, file },
          `Updated ${typeOf(type, options)}`,
          inputOf,
          (apis, inputs, onProgress) =>
            recordsOf(apis, type, options).batchUpdate(inputs, { idProperty, onProgress }),
        );
        return;
      }
      await oneRecord(options, (apis, values) =>
        recordsOf(apis, type, options).update(oneId(id), values, idProperty),
      );
    });

  destructiveAction(
    tools,
    verb('delete', `delete a ${singular}; ${fateOf(area)}`)
      .argument('[id]', 'its id, unless --file is given')
      .option('--file <file>', 'delete many: .csv or .jsonl with `id`')
      .addOption(separatorOption()),
    async (id: string | undefined, options: WriteOptions) => {
      const { file, separator } = options;
      refuseIdBesideFile(id, file);
      const rows = file ? await readRecords(file, separator) : undefined;
      const some = rows?.length === 1 ? `1 ${singular}` : `${rows?.length} ${typeOf(type, options)}`;
      const what = rows ? some : `the ${singular} ${oneId(id)}`;
      return `This deletes ${what}; ${fateOf(typeOf(type, options))}.`;
    },
    async (id: string | undefined, options: WriteOptions) => {
      const { file } = options;
      refuseIdBesideFile(id, file);
      if (file) {
        const inputOf = ({ line, values }: FileRow) => {
          if (!values.id) throw new ProblemError(`${file}:${line} has no id.`);
          return values.id;
        };
        await fromFile(
          { ...options, file },
          `Deleted ${typeOf(type, options)}`,
          inputOf,
          (apis, ids, onProgress) => recordsOf(apis, type, options).batchArchive(ids, onProgress),
        );
        return;
      }
      const one = oneId(id);
      const shown = () =>
        tools.output().done(`The ${singular} ${one} is deleted.`, { id: one, archived: true });
      await callHubSpot(tools, options, (apis) => recordsOf(apis, type, options).archive(one), shown);
    },
  );

  /** The records of `--associate`, with the unlabelled kind of association, which is read once per type. */
  async function associationsOf(apis: PortalApis, options: WriteOptions): Promise<NewAssociation[]> {
    const { associate = [] } = options;
    const kinds = new Map<string, AssociationSpec>();
    const associations: NewAssociation[] = [];
    for (const { type: to, id } of associate) {
      const kind = kinds.get(to) ?? (await plainKind(apis, { from: typeOf(type, options), to }, options));
      kinds.set(to, kind);
      associations.push({ to: { id }, types: [kind] });
    }
    return associations;
  }

  /** The properties to write. @throws {ProblemError} when two options set the same property. */
  async function givenValues(apis: PortalApis, options: WriteOptions): Promise<Values> {
    const { property = {} } = options;
    const further = await valuesOf(apis, options);
    const twice = Object.keys(further).find((name) => Object.hasOwn(property, name));
    if (twice !== undefined) {
      throw new ProblemError(
        `The property ${twice} is given twice: with --property and with another option.`,
      );
    }
    return { ...property, ...further };
  }

  /** With both, the id would be ignored. */
  function refuseIdBesideFile(id: string | undefined, file: string | undefined): void {
    if (id === undefined || file === undefined) return;
    throw new ProblemError(`Give the id of a ${singular} or --file, not both. Nothing was sent.`);
  }

  function oneId(id: string | undefined): string {
    if (id === undefined) throw new ProblemError(`Give the id of a ${singular} or --file.`);
    return id;
  }

  /** Writes the rows of a file in batches, with a progress bar, and reports the outcomes. */
  async function fromFile<Input>(
    options: WriteOptions & { file: string },
    done: string,
    inputOf: (row: FileRow, values: Values) => Input,
    write: (
      apis: PortalApis,
      inputs: Input[],
      onProgress: OnProgress,
    ) => Promise<BatchOutcome<unknown, unknown>[]>,
  ): Promise<void> {
    const rows = await readRecords(options.file, options.separator);
    const out = tools.output();
    await callHubSpot(
      tools,
      options,
      async (apis) => {
        const common = await givenValues(apis, options);
        const inputs = rows.map((row) => inputOf(row, common));
        return out.progress(typeOf(type, options), (bar) => {
          bar.start(rows.length);
          return write(apis, inputs, bar.at);
        });
      },
      (outcomes) => {
        const check = (count: number) => howToCheck(type, options, count);
        reportRows(out, done, rowOutcomes(rows, outcomes), check);
      },
      'background',
    );
  }

  async function oneRecord(
    options: WriteOptions,
    write: (apis: PortalApis, values: Values) => Promise<CrmRecord>,
  ): Promise<void> {
    const work = async (apis: PortalApis) => {
      const values = await givenValues(apis, options);
      if (Object.keys(values).length === 0) {
        throw new ProblemError('Nothing to write: give --property name=value or --file.');
      }
      return write(apis, values);
    };
    await callHubSpot(tools, options, work, (record) => showRecord(tools.output(), record));
  }
}

const fateOf = (type: string) =>
  type === 'emails'
    ? 'HubSpot does not keep e-mails in its recycle bin'
    : 'HubSpot keeps deleted records in its recycle bin for 90 days';

function taken<Result>(outcome: BatchOutcome<unknown, Result> | undefined): Result {
  if (outcome?.result !== undefined) return outcome.result;
  throw outcome?.failure?.error ?? new ProblemError(outcome?.failure?.message ?? 'HubSpot gave no answer.');
}
