import type { CommandGroup } from './command.ts';
import { mergeCommand, objectCommands } from './object-commands.ts';
import { callHubSpot, type PortalOptions, withPortalOptions } from './portal-calls.ts';
import { namesOption, propertyOption } from './property-options.ts';
import { showRecord, showRecords } from './show-records.ts';
import { orLookWith } from './unconfirmed.ts';

const DOMAIN = 'such as example.com, or a URL';

export const companyCommands: CommandGroup = (program, tools) => {
  const group = objectCommands(program, tools, { area: 'companies', singular: 'company' });
  mergeCommand(group, tools, 'companies');

  withPortalOptions(group.command('get-by-domain').description('show the companies with a domain'))
    .argument('<domain>', DOMAIN)
    .option('--properties <names>', 'comma-separated properties to show', namesOption)
    .action((domain: string, options: PortalOptions & { properties?: string[] }) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.companies.findByDomain(domain, options.properties),
        (records) => showRecords(tools.output(), { records, more: false }, 'companies'),
      ),
    );

  withPortalOptions(
    group
      .command('create-or-update-by-domain')
      .description('create or update the company with a domain; fails when several companies have it'),
  )
    .argument('<domain>', DOMAIN)
    .option('--property <name=value>', 'a property to write; repeatable', propertyOption)
    .action((domain: string, options: PortalOptions & { property?: Record<string, string> }) =>
      callHubSpot(
        tools,
        options,
        async (apis) => {
          const { property = {} } = options;
          const work = apis.companies.createOrUpdateByDomain(domain, property);
          return (await work.catch(orLookWith(`companies get-by-domain ${domain}`, options))).company;
        },
        (company) => showRecord(tools.output(), company),
      ),
    );
};
