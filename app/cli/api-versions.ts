import { loadApiPaths, readCommandEnvironment } from '../config.ts';
import { type ApiArea, apiVersions } from '../hubspot/versions.ts';
import type { CommandGroup } from './command.ts';

export const apiVersionCommands: CommandGroup = (program, { output }) => {
  program
    .command('api-versions')
    .description('versions of HubSpot’s APIs, and which are called (HUBSPOT_API_VERSIONS)')
    .action(() => {
      const called = loadApiPaths(readCommandEnvironment());
      const rows = Object.entries(apiVersions).flatMap(([area, versions]) =>
        versions.map(({ version, path, unsupportedFrom }) => ({
          area,
          version,
          path,
          unsupportedFrom,
          called: called[area as ApiArea].version === version,
        })),
      );
      output().list(rows, ['area', 'version', 'path', 'called', 'unsupportedFrom'], '');
    });
};
