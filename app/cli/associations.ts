import type { AssociationLimit } from '../hubspot/apis/association-limits.ts';
import type { PortalApis } from '../hubspot/portal-apis.ts';
import { labelledKind } from './association-kinds.ts';
import { reportRows, rowOutcomes } from './batch-report.ts';
import { type CommandGroup, destructiveAction, ProblemError, wholeNumber } from './command.ts';
import type { Bar } from './output.ts';
import {
  callHubSpot,
  type PortalOptions,
  placeholder,
  rehearsed,
  withPortalOptions,
} from './portal-calls.ts';
import { recordArgument } from './property-options.ts';
import { readRecords, type Separator, separatorOption } from './records-file.ts';

type Side = ReturnType<typeof recordArgument>;

export const associationCommands: CommandGroup = (program, tools) => {
  const group = program
    .command('associations')
    .description('associations between records, their labels and limits');
  const verb = (name: string, description: string) =>
    withPortalOptions(group.command(name).description(description));
  const out = () => tools.output();

  verb('create', 'associate two records')
    .argument('<from>', 'such as contacts:101', recordArgument)
    .argument('<to>', 'such as companies:301', recordArgument)
    .option('--label <label>', 'a label, by name or type id, of the direction from → to')
    .action((from: Side, to: Side, options: PortalOptions & { label?: string }) =>
      callHubSpot(
        tools,
        options,
        async (apis) => {
          const { label } = options;
          if (label === undefined) return apis.associations.createDefault(from, to);
          const kind = await labelledKind(apis, { from: from.type, to: to.type }, label, options);
          return apis.associations.create(from, to, [kind]);
        },
        () => out().done(`${name(from)} and ${name(to)} are associated.`, { from, to, associated: true }),
      ),
    );

  verb('import', 'associate many pairs, from a file with the columns `from` and `to`')
    .argument('<from-type>', 'such as contacts')
    .argument('<to-type>', 'such as companies')
    .requiredOption('--file <file>', '.csv or .jsonl')
    .addOption(separatorOption())
    .option('--label <label>', 'a label, by name or type id')
    .action(
      async (
        fromType: string,
        toType: string,
        options: PortalOptions & { file: string; separator?: Separator; label?: string },
      ) => {
        const rows = await readRecords(options.file, options.separator);
        const pairs = rows.map(({ line, values: { from, to } }) => {
          if (!from || !to) throw new ProblemError(`${options.file}:${line} has no \`from\` or no \`to\`.`);
          return { from, to };
        });
        const work = async (apis: PortalApis, { start, at }: Bar) => {
          const { associations } = apis;
          start(pairs.length);
          if (options.label === undefined) {
            return associations.batchCreateDefault(fromType, toType, pairs, at);
          }
          const types = [await labelledKind(apis, { from: fromType, to: toType }, options.label, options)];
          const inputs = pairs.map((pair) => ({ ...pair, types }));
          return associations.batchCreate(fromType, toType, inputs, at);
        };
        await callHubSpot(
          tools,
          options,
          (apis) => out().progress('pairs', (bar) => work(apis, bar)),
          (outcomes) => reportRows(out(), 'Associated', rowOutcomes(rows, outcomes)),
          'background',
        );
      },
    );

  verb('list', 'list the records that a record is associated with')
    .argument('<from>', 'such as contacts:101', recordArgument)
    .argument('<to-type>', 'such as companies')
    .action((from: Side, toType: string, options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        (apis) => Array.fromAsync(apis.associations.list(from, toType)),
        (found) => {
          const rows = found.map(({ toObjectId, associationTypes }) => ({
            id: toObjectId,
            labels: associationTypes.map(({ label, typeId }) => label ?? `(${typeId})`).join(', '),
          }));
          const after =
            found.length === 0 ? `${name(from)} is not associated with any ${toType}.` : undefined;
          out().report({ rows, columns: ['id', 'labels'], ...(after && { after }) }, found);
        },
      ),
    );

  destructiveAction(
    tools,
    verb('delete', 'remove every association between two records')
      .argument('<from>', 'such as contacts:101', recordArgument)
      .argument('<to>', 'such as companies:301', recordArgument),
    (from: Side, to: Side) => `This removes every association between ${name(from)} and ${name(to)}.`,
    (from: Side, to: Side, options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.associations.delete(from, to),
        () =>
          out().done(`${name(from)} and ${name(to)} are no longer associated.`, {
            from,
            to,
            associated: false,
          }),
      ),
  );

  verb('labels', 'list the kinds of association from one type to another')
    .argument('<from-type>')
    .argument('<to-type>')
    .action((fromType: string, toType: string, options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.associations.labels.list(fromType, toType),
        (labels) => out().list(labels, ['typeId', 'label', 'category'], 'There are none.'),
      ),
    );

  verb('create-label', 'define a label')
    .argument('<from-type>')
    .argument('<to-type>')
    .requiredOption('--name <name>', 'its name for programs')
    .requiredOption('--label <label>', 'its name for people')
    .option('--inverse-label <label>', 'the label in the opposite direction')
    .action(
      (
        fromType: string,
        toType: string,
        options: PortalOptions & { name: string; label: string; inverseLabel?: string },
      ) => {
        const { name, label, inverseLabel } = options;
        return callHubSpot(
          tools,
          options,
          (apis) =>
            apis.associations.labels.create(fromType, toType, {
              name,
              label,
              ...(inverseLabel !== undefined && { inverseLabel }),
            }),
          (labels) => out().list(labels, ['typeId', 'label', 'category'], 'There are none.'),
        );
      },
    );

  destructiveAction(
    tools,
    verb('delete-label', 'delete a label and the associations without another label')
      .argument('<from-type>')
      .argument('<to-type>')
      .argument('<type-id>', 'from `labels`', wholeNumber(1)),
    (_fromType: string, _toType: string, typeId: number) =>
      `This permanently deletes the label ${typeId} and the associations without another label.`,
    (fromType: string, toType: string, typeId: number, options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.associations.labels.delete(fromType, toType, typeId),
        () => out().done(`The label ${typeId} is deleted.`, { typeId, deleted: true }),
      ),
  );

  verb('limits', 'list how many records of a type a record may be associated with')
    .argument('<from-type>')
    .argument('<to-type>')
    .action((fromType: string, toType: string, options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.associations.limits.list(fromType, toType),
        (kinds) => {
          const rows = kinds.map(({ userEnforcedMaxToObjectIds: limit, ...kind }) => ({ ...kind, limit }));
          out().list(rows, ['typeId', 'label', 'category', 'limit'], 'There are none.');
        },
      ),
    );

  verb('limit', 'set or remove the limit of a kind of association')
    .argument('<from-type>')
    .argument('<to-type>')
    .argument('<type-id>', 'from `limits`', wholeNumber(1))
    .option('--max <number>', 'maximum number of records; without it the limit is removed', wholeNumber(1))
    .action((fromType: string, toType: string, typeId: number, options: PortalOptions & { max?: number }) => {
      const { max } = options;
      return callHubSpot(
        tools,
        options,
        async ({ associations: { limits } }) => {
          const read = findLimit(limits, fromType, toType, typeId);
          const unknown = { category: placeholder(`category of the kind ${typeId}`), typeId };
          const kind: AssociationLimit = await rehearsed(options, read, unknown);
          const { category, userEnforcedMaxToObjectIds: before } = kind;
          if (max !== undefined && options.dryRun) {
            out().note('If the kind already has a limit, the last request goes to batch/update.');
          }
          if (max === undefined) return limits.delete(fromType, toType, [{ category, typeId }]);
          const set = before === undefined ? limits.create : limits.update;
          return set(fromType, toType, [{ category, typeId, maxToObjectIds: max }]);
        },
        ([outcome]: readonly { failure?: { message: string } | undefined }[]) => {
          if (outcome?.failure) throw new ProblemError(outcome.failure.message);
          const now = max === undefined ? 'without a limit' : `limited to ${max}`;
          out().done(`The kind ${typeId} is ${now}.`, { typeId, limit: max ?? null });
        },
      );
    });
};

const name = ({ type, id }: Side) => `${type}:${id}`;

async function findLimit(
  limits: PortalApis['associations']['limits'],
  fromType: string,
  toType: string,
  typeId: number,
): Promise<AssociationLimit> {
  const found = (await limits.list(fromType, toType)).find((kind) => kind.typeId === typeId);
  if (!found) throw new ProblemError(`The kind ${typeId} from ${fromType} to ${toType} does not exist.`);
  return found;
}
