import { type CommandGroup, destructiveAction } from './command.ts';
import { mergeCommand, objectCommands } from './object-commands.ts';
import { callHubSpot, type PortalOptions, withPortalOptions } from './portal-calls.ts';
import { namesOption, propertyOption } from './property-options.ts';
import { showRecord } from './show-records.ts';
import { orLookWith } from './unconfirmed.ts';

export const contactCommands: CommandGroup = (program, tools) => {
  const group = objectCommands(program, tools, {
    area: 'contacts',
    singular: 'contact',
    idProperty: 'email',
  });
  mergeCommand(group, tools, 'contacts');

  withPortalOptions(group.command('get-by-email').description('show the contact with an e-mail address'))
    .argument('<email>')
    .option('--properties <names>', 'comma-separated properties to show', namesOption)
    .action((email: string, options: PortalOptions & { properties?: string[] }) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.contacts.getByEmail(email, options.properties),
        (contact) => showRecord(tools.output(), contact),
      ),
    );

  withPortalOptions(group.command('update-by-email').description('update the contact with an e-mail address'))
    .argument('<email>')
    .requiredOption('--property <name=value>', 'a property to write; repeatable', propertyOption)
    .action((email: string, options: PortalOptions & { property: Record<string, string> }) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.contacts.updateByEmail(email, options.property),
        (contact) => showRecord(tools.output(), contact),
      ),
    );

  destructiveAction(
    tools,
    withPortalOptions(
      group.command('gdpr-delete').description('permanently erase a contact (GDPR delete)'),
    ).argument('<id-or-email>'),
    (contact: string) => `This permanently erases the contact ${contact}.`,
    (contact: string, options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        (apis) =>
          apis.contacts
            .gdprDelete(contact, contact.includes('@') ? 'email' : undefined)
            .catch(
              orLookWith(`contacts ${contact.includes('@') ? 'get-by-email' : 'get'} ${contact}`, options),
            ),
        () => tools.output().done(`The contact ${contact} is erased.`, { contact, erased: true }),
      ),
  );
};
