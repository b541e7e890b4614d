import { type Command, InvalidArgumentError } from 'commander';
import type { Pipeline, PipelineStage } from '../hubspot/apis/pipelines.ts';
import { type CommandGroup, destructiveAction, ProblemError, type Tools, wholeNumber } from './command.ts';
import {
  callHubSpot,
  type PortalOptions,
  placeholder,
  rehearsed,
  withPortalOptions,
} from './portal-calls.ts';
import { collecting } from './repeated-options.ts';

export const pipelineCommands: CommandGroup = (program, tools) => {
  const group = program.command('pipelines').description('pipelines of deals and tickets, and their stages');
  const verb = (name: string, description: string, ...more: string[]): Command => {
    const command = withPortalOptions(group.command(name).description(description));
    for (const argument of ['<type>', ...more]) command.argument(argument);
    return command;
  };
  const out = () => tools.output();

  verb('list', 'the pipelines of `deals` or `tickets`').action((type: string, options: PortalOptions) =>
    listPipelines(tools, options, type),
  );

  verb('get', 'one pipeline', '<pipeline>').action((type: string, id: string, options: PortalOptions) =>
    callHubSpot(
      tools,
      options,
      (apis) => apis.pipelines.get(type, id),
      (found) => showStages(tools, [found], found),
    ),
  );

  verb('create', 'create a pipeline')
    .requiredOption('--label <label>')
    .requiredOption(
      '--stage <label=value>',
      'a stage; the value is the probability of a deal, or OPEN or CLOSED for tickets; repeatable, in order',
      stagesOption,
    )
    .option('--order <number>', 'its display order', wholeNumber(0), 0)
    .action(
      (type: string, options: PortalOptions & { label: string; stage: NamedStage[]; order: number }) => {
        const { label, stage, order: displayOrder } = options;
        const stages = stage.map(({ label, value }, index) => ({
          label,
          displayOrder: index,
          metadata: metadataOf(type, value),
        }));
        return callHubSpot(
          tools,
          options,
          (apis) => apis.pipelines.create(type, { label, displayOrder, stages }),
          (made) => showStages(tools, [made], made),
        );
      },
    );

  verb('update', 'rename or move a pipeline', '<pipeline>')
    .option('--label <label>')
    .option('--order <number>', 'its display order', wholeNumber(0))
    .action((type: string, id: string, options: PortalOptions & { label?: string; order?: number }) => {
      const { label, order } = options;
      const change = {
        ...(label !== undefined && { label }),
        ...(order !== undefined && { displayOrder: order }),
      };
      if (Object.keys(change).length === 0) {
        throw new ProblemError('Nothing to change: give --label or --order.');
      }
      return callHubSpot(
        tools,
        options,
        (apis) => apis.pipelines.update(type, id, change),
        (changed) => showStages(tools, [changed], changed),
      );
    });

  destructiveAction(
    tools,
    verb('delete', 'delete an empty pipeline', '<pipeline>'),
    (type: string, id: string) => `This deletes the pipeline ${id} of the ${type} and its stages.`,
    (type: string, id: string, options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.pipelines.delete(type, id),
        () => out().done(`The pipeline ${id} is deleted.`, { id, deleted: true }),
      ),
  );

  verb('create-stage', 'add a stage', '<pipeline>')
    .requiredOption('--stage <label=value>', 'one, as for `create`', stageOption)
    .option('--order <number>', 'its display order', wholeNumber(0), 0)
    .action((type: string, id: string, options: PortalOptions & { stage: NamedStage; order: number }) =>
      callHubSpot(
        tools,
        options,
        (apis) => {
          const { label, value } = options.stage;
          const stage = { label, displayOrder: options.order, metadata: metadataOf(type, value) };
          return apis.pipelines.stages.create(type, id, stage);
        },
        (made) => out().done(`The stage ${made.label} is created: ${made.id}.`, made),
      ),
    );

  verb('update-stage', 'rename, move or weigh a stage', '<pipeline>', '<stage>')
    .option('--label <label>')
    .option('--value <value>', 'the probability of a deal, or OPEN or CLOSED for tickets', valueOption)
    .option('--order <number>', 'its display order', wholeNumber(0))
    .action(
      (
        type: string,
        id: string,
        stageId: string,
        options: PortalOptions & { label?: string; value?: string; order?: number },
      ) => {
        const { label, order, value: given } = options;
        if (label === undefined && order === undefined && given === undefined) {
          throw new ProblemError('Nothing to change: give --label, --value or --order.');
        }
        return callHubSpot(
          tools,
          options,
          async ({ pipelines: { stages } }) => {
            const present = async () => meaning(await stages.get(type, id, stageId));
            // HubSpot requires the metadata with every change.
            const value = given ?? (await rehearsed(options, present(), placeholder('its present value')));
            return stages.update(type, id, stageId, {
              metadata: metadataOf(type, value),
              ...(label !== undefined && { label }),
              ...(order !== undefined && { displayOrder: order }),
            });
          },
          (changed) => out().done(`The stage ${changed.id} is now ${changed.label}.`, changed),
        );
      },
    );

  destructiveAction(
    tools,
    verb('delete-stage', 'delete an empty stage', '<pipeline>', '<stage>'),
    (type: string, id: string, stage: string) =>
      `This deletes the stage ${stage} of the pipeline ${id} of the ${type}.`,
    (type: string, id: string, stage: string, options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.pipelines.stages.delete(type, id, stage),
        () => out().done(`The stage ${stage} is deleted.`, { id: stage, deleted: true }),
      ),
  );
};

/** Shared with the groups of records that have pipelines. */
export function listPipelines(tools: Tools, options: PortalOptions, type: string): Promise<void> {
  return callHubSpot(
    tools,
    options,
    (apis) => apis.pipelines.list(type),
    (found) => showStages(tools, found, found),
  );
}

function showStages({ output }: Tools, pipelines: readonly Pipeline[], data: unknown): void {
  const rows = pipelines.flatMap(({ label, id, stages }) =>
    stages.map((stage) => ({
      pipeline: label,
      pipelineId: id,
      stage: stage.label,
      stageId: stage.id,
      means: meaning(stage),
    })),
  );
  output().report({ rows, columns: ['pipeline', 'pipelineId', 'stage', 'stageId', 'means'] }, data);
}

const meaning = ({ metadata }: PipelineStage) => metadata.probability ?? metadata.ticketState ?? '';

interface NamedStage {
  readonly label: string;
  readonly value: string;
}

function stageOption(text: string): NamedStage {
  const [, label, value] = /^(.+)=([^=]*)$/s.exec(text) ?? [];
  if (!label || !value) throw new InvalidArgumentError('A stage must be label=value, such as Won=1.0.');
  return { label, value: valueOption(value) };
}

/** `--stage Open=0.5`, repeatable, in the order of the stages. */
const stagesOption = collecting((text: string, before: readonly NamedStage[] = []): NamedStage[] => [
  ...before,
  stageOption(text),
]);

const valueOption = (text: string) => text.toUpperCase();

const metadataOf = (type: string, value: string): Record<string, string> =>
  type === 'tickets' ? { ticketState: value } : { probability: value };
