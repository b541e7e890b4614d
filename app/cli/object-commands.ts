import type { Command } from 'commander';
import { destructiveAction, type Tools } from './command.ts';
import { changedCommand } from './object-changes.ts';
import { addVerb, type ObjectGroup } from './object-group.ts';
import { readCommands } from './object-reads.ts';
import { writeCommands } from './object-writes.ts';
import { callHubSpot, type PortalOptions } from './portal-calls.ts';
import { showRecord } from './show-records.ts';

/** The commands that records of every type have: one group, to which a type adds its own. */
export function objectCommands(program: Command, tools: Tools, type: ObjectGroup): Command {
  const group = program.command(type.area).description(`HubSpot’s ${type.area}`);
  writeCommands(group, tools, type);
  readCommands(group, tools, type);
  changedCommand(group, tools, type);
  return group;
}

/** `merge`, for the types that HubSpot can merge. */
export function mergeCommand(
  group: Command,
  tools: Tools,
  area: 'contacts' | 'companies' | 'deals' | 'tickets',
): void {
  destructiveAction(
    tools,
    addVerb(group, 'merge', 'make one record of two; it cannot be undone')
      .argument('<primary>', 'id of the record that stays')
      .argument('<other>', 'id of the record that goes into it'),
    (primary: string, other: string) =>
      `This merges record ${other} into record ${primary} (${area}), which cannot be undone.`,
    (primary: string, other: string, options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis[area].merge(primary, other),
        (record) => showRecord(tools.output(), record),
      ),
  );
}
