import type { CommandGroup } from './command.ts';
import { mergeCommand, objectCommands } from './object-commands.ts';

/** `objects --type …`: records of any type, including custom types. */
export const anyObjectCommands: CommandGroup = (program, tools) => {
  const group = objectCommands(program, tools, { area: 'objects', singular: 'record' });
  group.description('records of any type: line items, products, quotes, custom objects …');
  mergeCommand(group, tools, 'objects');
};
