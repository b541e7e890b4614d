import type { Owner } from '../hubspot/apis/owners.ts';
import { type CommandGroup, ProblemError, type Tools } from './command.ts';
import { callHubSpot, type PortalOptions, withPortalOptions } from './portal-calls.ts';

/** `account` and `owners`. */
export const accountCommands: CommandGroup = (program, tools) => {
  const account = program.command('account').description('the HubSpot account');
  withPortalOptions(account.command('show').description('show time zone, currency and data region')).action(
    (options: PortalOptions) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.account.get(),
        (details) => tools.output().one(details),
      ),
  );

  const owners = program.command('owners').description('people who can own records');
  withPortalOptions(owners.command('list').description('list the owners'))
    .option('--archived', 'those who have left')
    .action((options: PortalOptions & { archived?: boolean }) =>
      callHubSpot(
        tools,
        options,
        async (apis) => {
          const found: Owner[] = [];
          for await (const owner of apis.owners.list(archivedOf(options))) found.push(owner);
          return found;
        },
        (found) => showOwners(tools, found),
      ),
    );

  withPortalOptions(owners.command('get').description('show an owner'))
    .argument('<id>', 'the owner’s id, as in hubspot_owner_id')
    .option('--user', 'it is a user’s id')
    .option('--archived', 'one who has left')
    .action((id: string, options: PortalOptions & { user?: boolean; archived?: boolean }) =>
      callHubSpot(
        tools,
        options,
        (apis) => apis.owners.get(id, options.user ? 'userId' : 'id', archivedOf(options)),
        (owner) => showOwners(tools, [owner]),
      ),
    );

  withPortalOptions(owners.command('get-by-email').description('show the owner with an e-mail address'))
    .argument('<email>', 'in upper or lower case')
    .option('--archived', 'one who has left')
    .action((email: string, options: PortalOptions & { archived?: boolean }) =>
      callHubSpot(
        tools,
        options,
        async (apis) => {
          const owner = await apis.owners.findByEmail(email, archivedOf(options));
          if (!owner) throw noOwner(email, options.archived);
          return owner;
        },
        (owner) => showOwners(tools, [owner]),
      ),
    );
};

const archivedOf = ({ archived }: { archived?: boolean }) => (archived ? { archived } : {});

function noOwner(email: string, archived = false): ProblemError {
  if (archived) return new ProblemError(`No archived owner has the address ${email}.`);
  return new ProblemError(`No owner has the address ${email}; --archived searches the archived ones.`);
}

/** The table shows the user's id also for archived owners; JSON has both of HubSpot's fields. */
function showOwners({ output }: Tools, owners: readonly Owner[]): void {
  const rows = owners.map((owner) => ({ ...owner, userId: owner.userId ?? owner.userIdIncludingInactive }));
  const columns = ['id', 'email', 'firstName', 'lastName', 'userId'] as const;
  const none = owners.length === 0 ? { after: 'There are no owners.' } : {};
  output().report({ rows, columns, ...none }, owners);
}
