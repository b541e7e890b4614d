import type { CommandGroup } from './command.ts';
import { objectCommands } from './object-commands.ts';

/** `calls`, `emails`, `meetings`, `notes` and `tasks`: the engagements on a record’s timeline. */
export const engagementCommands: CommandGroup = (program, tools) => {
  objectCommands(program, tools, { area: 'calls', singular: 'call' });
  objectCommands(program, tools, { area: 'emails', singular: 'e-mail' });
  objectCommands(program, tools, { area: 'meetings', singular: 'meeting' });
  objectCommands(program, tools, { area: 'notes', singular: 'note' });
  objectCommands(program, tools, { area: 'tasks', singular: 'task' });
};
