import type { CommandGroup } from './command.ts';
import { stagedCommands } from './staged-commands.ts';

export const ticketCommands: CommandGroup = (program, tools) =>
  stagedCommands(program, tools, {
    area: 'tickets',
    singular: 'ticket',
    names: { pipeline: 'hs_pipeline', stage: 'hs_pipeline_stage' },
  });
