import type { Owner } from '../hubspot/owners.ts';
import { type CommandGroup, ProblemError, type Tools } from './command.ts';
import { callHubSpot, type PortalOptions, withPortalOptions } from './portal-calls.ts';

/** `account` and `owners`: whose CRM it is, and who works in it. */
export const accountCommands: CommandGroup = (program, tools) => {
  const account = program.command('account').description('the HubSpot account itself');
  withPortalOptions(account.command('show').description('time zone, currency, data region')).action(
    (options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.account.get(),
        (details) => tools.output().one(details),
      ),
  );

  const owners = program.command('owners').description('people to whom records can be given');
  withPortalOptions(owners.command('list').description('every owner'))
    .option('--archived', 'those who have left')
    .action((options: PortalOptions & { archived?: boolean }) =>
      callHubSpot(
        tools,
        options,
        async (apis) => {
          const found: Owner[] = [];
          for await (const owner of apis.owners.list(options.archived ? { archived: true } : {})) {
            found.push(owner);
          }
          return found;
        },
        (found) => showOwners(tools, found),
      ),
    );

  withPortalOptions(owners.command('get').description('one owner'))
    .argument('<id>', 'the owner’s id, as in hubspot_owner_id')
    .option('--user', 'it is a user’s id')
    .action((id: string, options: PortalOptions & { user?: boolean }) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.owners.get(id, options.user ? 'userId' : 'id'),
        (owner) => showOwners(tools, [owner]),
      ),
    );

  withPortalOptions(owners.command('get-by-email').description('the owner with an address'))
    .argument('<email>')
    .action((email: string, options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        async (apis) => {
          const owner = await apis.owners.findByEmail(email);
          if (!owner) throw new ProblemError(`No owner has the address ${email}.`);
          return owner;
        },
        (owner) => showOwners(tools, [owner]),
      ),
    );
};

const showOwners = ({ output }: Tools, owners: readonly Owner[]) =>
  output().list(owners, ['id', 'email', 'firstName', 'lastName', 'userId'], 'There are no owners.');
