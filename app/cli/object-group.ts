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
  /** The API's name, which is the group's as well. The commands of `objects` take the type as an option. */
  readonly area: RecordArea | 'objects';
  readonly singular: string;
  /** A property with unique values by which records of this type are known. */
  readonly idProperty?: string;
  /** Options of `create` and `update` beside the properties. */
  readonly writeOptions?: (command: Command) => Command;
  /** The properties that those options stand for. */
  readonly valuesOf?: (apis: PortalApis, options: WriteOptions) => Promise<Values>;
}

export interface TypeOptions extends PortalOptions {
  /** There in the commands of `objects` alone. */
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

/** The name of the type that a command works on. */
export const typeOf = ({ area }: Pick<ObjectGroup, 'area'>, { type = area }: TypeOptions): string => type;

/** The service of that type. */
export const recordsOf = (apis: PortalApis, { area }: ObjectGroup, { type = '' }: TypeOptions): CrmObjects =>
  area === 'objects' ? apis.objects(type) : apis[area];

/** Adds a command to a group, with the options of every call to HubSpot. */
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
