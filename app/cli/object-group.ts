import type { Command } from 'commander';
import type { CrmObjects } from '../hubspot/objects.ts';
import type { PortalApis } from '../hubspot/portal-apis.ts';
import { type PortalOptions, withPortalOptions } from './portal-calls.ts';
import type { RecordName } from './property-options.ts';
import type { Separator } from './records-file.ts';

export type RecordArea = {
  [Name in keyof PortalApis]: PortalApis[Name] extends CrmObjects ? Name : never;
}[keyof PortalApis];

export type Values = Readonly<Record<string, string>>;

export interface ObjectGroup {
  /** The API's name, which is the group's as well. */
  readonly area: RecordArea;
  readonly singular: string;
  /** A property with unique values by which records of this type are known. */
  readonly idProperty?: string;
  /** Options of `create` and `update` beside the properties. */
  readonly writeOptions?: (command: Command) => Command;
  /** The properties that those options stand for. */
  readonly valuesOf?: (apis: PortalApis, options: WriteOptions) => Promise<Values>;
}

export interface WriteOptions extends PortalOptions {
  readonly property?: Values;
  readonly file?: string;
  readonly separator?: Separator;
  readonly idProperty?: string;
  readonly associate?: readonly RecordName[];
  readonly stage?: string;
  readonly pipeline?: string;
}

/** Adds a command to a group, with the options of every call to HubSpot. */
export const addVerb = (group: Command, name: string, description: string): Command =>
  withPortalOptions(group.command(name).description(description));
