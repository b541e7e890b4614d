import type { CommandGroup } from './command.ts';
import { mergeCommand, objectCommands } from './object-commands.ts';
import { callHubSpot, type PortalOptions, withPortalOptions } from './portal-calls.ts';
import { namesOption } from './property-options.ts';
import { showRecords } from './show-records.ts';

export const companyCommands: CommandGroup = (program, tools) => {
  const group = objectCommands(program, tools, { area: 'companies', singular: 'company' });
  mergeCommand(group, tools, 'companies');

  withPortalOptions(group.command('get-by-domain').description('show the companies with a domain'))
    .argument('<domain>')
    .option('--properties <names>', 'properties to show, separated by commas', namesOption)
    .action((domain: string, options: PortalOptions & { properties?: string[] }) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.companies.findByDomain(domain, options.properties),
        (records) => showRecords(tools.output(), { records, more: false }, 'companies'),
      ),
    );
};
