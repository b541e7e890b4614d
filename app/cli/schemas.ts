import type { ObjectSchema } from '../hubspot/apis/schemas.ts';
import type { CommandGroup, Tools } from './command.ts';
import { callHubSpot, type PortalOptions, withPortalOptions } from './portal-calls.ts';

/** `schemas`: the account's custom object types. */
export const schemaCommands: CommandGroup = (program, tools) => {
  const group = program.command('schemas').description('the custom object types of the account');

  withPortalOptions(
    group.command('list').description('list the custom types; use the id as --type of `objects`'),
  ).action((options: PortalOptions) =>
    callHubSpot(
      tools,
      options,
      (apis) => apis.schemas.list(),
      (found) => showSchemas(tools, found),
    ),
  );

  withPortalOptions(group.command('get').description('show a type with its properties'))
    .argument('<type>', 'its id, such as 2-12345, or its full name')
    .action((type: string, options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.schemas.get(type),
        (found) => showSchema(tools, found),
      ),
    );
};

function showSchemas({ output }: Tools, schemas: readonly ObjectSchema[]): void {
  const rows = schemas.map(({ objectTypeId, fullyQualifiedName, labels, properties }) => ({
    type: objectTypeId,
    name: fullyQualifiedName,
    label: labels.plural,
    properties: properties.map(({ name }) => name).join(' '),
  }));
  const none = rows.length === 0 ? { after: 'The account has no custom types.' } : {};
  output().report({ rows, columns: ['type', 'name', 'label', 'properties'], ...none }, schemas);
}

function showSchema({ output }: Tools, schema: ObjectSchema): void {
  const { labels, objectTypeId, requiredProperties } = schema;
  const rows = schema.properties.map(({ name, label, type, hasUniqueValue }) => ({
    property: name,
    label,
    type,
    required: requiredProperties.includes(name),
    unique: hasUniqueValue ?? false,
  }));
  const before = `${labels.plural ?? schema.name} (${objectTypeId})`;
  output().report({ before, rows, columns: ['property', 'label', 'type', 'required', 'unique'] }, schema);
}
