import type { Command } from 'commander';
import type { PortalApis } from '../hubspot/portal-apis.ts';
import { destructiveAction, type Tools } from './command.ts';
import { changedCommand } from './object-changes.ts';
import { addVerb, type ObjectGroup, type TypeOptions, typeOf } from './object-group.ts';
import { readCommands } from './object-reads.ts';
import { writeCommands } from './object-writes.ts';
import { callHubSpot } from './portal-calls.ts';
import { showRecord } from './show-records.ts';
import { orLookWith } from './unconfirmed.ts';

/** The group of commands for a type of records, to which types add their own commands. */
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
  area: 'contacts' | 'companies' | 'deals' | 'tickets' | 'objects',
): void {
  // For a merged record HubSpot returns the record into which it was merged.
  const read = (id: string, { type }: TypeOptions) =>
    area === 'objects' ? `objects get ${id} --type ${type}` : `${area} get ${id}`;
  const recordsOf = (apis: PortalApis, { type = '' }: TypeOptions) =>
    area === 'objects' ? apis.objects(type) : apis[area];
  destructiveAction(
    tools,
    addVerb(group, { area }, 'merge', 'merge a record into another one; cannot be undone')
      .argument('<primary>', 'id of the record that stays')
      .argument('<other>', 'id of the record that is merged into it'),
    (primary: string, other: string, options: TypeOptions) =>
      `This merges record ${other} into record ${primary} (${typeOf({ area }, options)}), which cannot be undone.`,
    (primary: string, other: string, options: TypeOptions) =>
      callHubSpot(
        tools,
        options,
        (apis) =>
          recordsOf(apis, options)
            .merge(primary, other)
            .catch(orLookWith(read(other, options), options)),
        (record) => showRecord(tools.output(), record),
      ),
  );
}
