import type { CommandGroup } from './command.ts';
import { stagedCommands } from './staged-commands.ts';

export const dealCommands: CommandGroup = (program, tools) =>
  stagedCommands(program, tools, {
    area: 'deals',
    singular: 'deal',
    names: { pipeline: 'pipeline', stage: 'dealstage' },
  });
