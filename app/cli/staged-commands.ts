import type { Command } from 'commander';
import type { PortalApis } from '../hubspot/portal-apis.ts';
import { ProblemError, type Tools } from './command.ts';
import { mergeCommand, objectCommands } from './object-commands.ts';
import type { WriteOptions } from './object-group.ts';
import { listPipelines } from './pipelines.ts';
import { type PortalOptions, placeholder, rehearsed, withPortalOptions } from './portal-calls.ts';

/** Records with a pipeline stage, which may be given by name. */
export function stagedCommands(
  program: Command,
  tools: Tools,
  {
    area,
    singular,
    names,
  }: {
    area: 'deals' | 'tickets';
    singular: string;
    /** The properties with the pipeline and the stage. */
    names: { pipeline: string; stage: string };
  },
): void {
  const group = objectCommands(program, tools, {
    area,
    singular,
    writeOptions: (command) =>
      command
        .option('--stage <stage>', 'id or name of a stage')
        .option('--pipeline <pipeline>', 'id or name of its pipeline; required if several have such a stage'),
    valuesOf,
  });
  mergeCommand(group, tools, area);

  withPortalOptions(
    group.command('pipelines').description(`list the pipelines of ${area} and their stages`),
  ).action((options: PortalOptions) => listPipelines(tools, options, area));

  async function valuesOf(apis: PortalApis, options: WriteOptions): Promise<Record<string, string>> {
    const { stage, pipeline } = options;
    if (stage === undefined) {
      if (pipeline === undefined) return {};
      throw new ProblemError(`--pipeline needs --stage.`);
    }
    return rehearsed<Record<string, string>>(options, apis[area].inStage(stage, pipeline), {
      [names.pipeline]: placeholder(`id of ${pipeline ?? 'its pipeline'}`),
      [names.stage]: placeholder(`id of ${stage}`),
    });
  }
}
