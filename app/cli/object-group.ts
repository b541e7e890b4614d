import type { Command } from 'commander';
import type { CrmObjects } from '../hubspot/apis/objects.ts';
import type { PortalApis } from '../hubspot/portal-apis.ts';
import { type PortalOptions, withPortalOptions } from './portal-calls.ts';
import type { RecordName } from './property-options.ts';
import type { Separator } from './records-file.ts';

export type RecordArea = {
  [Name in keyof PortalApis]: PortalApis[Name] extends CrmObjects ? Name : never;
}[keyof PortalApis];

export type Values = Readonly<Record<string, string>>;

export interface ObjectGroup {
  /** The name of the API and of the group. The commands of `objects` have the type as an option. */
  readonly area: RecordArea | 'objects';
  readonly singular: string;
  /** The unique property that identifies records of this type. */
  readonly idProperty?: string;
  /** Additional options of `create` and `update`. */
  readonly writeOptions?: (command: Command) => Command;
  /** The properties that these options set. */
  readonly valuesOf?: (apis: PortalApis, options: WriteOptions) => Promise<Values>;
}

export interface TypeOptions extends PortalOptions {
  /** Only in the commands of `objects`. */
  readonly type?: string;
}

export interface WriteOptions extends TypeOptions {
  readonly property?: Values;
  readonly file?: string;
  readonly separator?: Separator;
  readonly idProperty?: string;
  readonly associate?: readonly RecordName[];
  readonly stage?: string;
  readonly pipeline?: string;
}

/** The name of a command's type. */
export const typeOf = ({ area }: Pick<ObjectGroup, 'area'>, { type = area }: TypeOptions): string => type;

/** The service of a command's type. */
export const recordsOf = (apis: PortalApis, { area }: ObjectGroup, { type = '' }: TypeOptions): CrmObjects =>
  area === 'objects' ? apis.objects(type) : apis[area];

/** Adds a command to a group, with the options of all commands that call HubSpot. */
export function addVerb(
  group: Command,
  { area }: Pick<ObjectGroup, 'area'>,
  name: string,
  description: string,
): Command {
  const command = withPortalOptions(group.command(name).description(description));
  if (area !== 'objects') return command;
  return command.requiredOption('--type <type>', 'such as line_items, quotes, or 2-12345 for a custom type');
}
