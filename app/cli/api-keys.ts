import { type CommandGroup, destructiveAction, ProblemError, portalArgument } from './command.ts';

export const apiKeyCommands: CommandGroup = (program, tools) => {
  const { withContext, output } = tools;
  const group = program.command('api-keys').description('keys for this server’s own API');

  group
    .command('create')
    .description('make a key; it is shown this once')
    .requiredOption('--name <name>', 'what the key is for')
    .option('--portal <portal>', 'limit the key to one HubSpot account', portalArgument)
    .action(async ({ name, portal }: { name: string; portal?: number }) => {
      const created = await withContext(({ services }) => services.apiKeys.create(name, portal ?? null));
      output().done(created.key, { ...created, name, portal: portal ?? null });
    });

  group
    .command('list')
    .description('every key, without its secret')
    .action(async () => {
      const keys = await withContext(({ services }) => services.apiKeys.list());
      const rows = keys.map((key) => ({
        id: key.id,
        name: key.name,
        portal: key.portalId ?? 'any',
        created: key.createdAt,
        lastUsed: key.lastUsedAt,
        revoked: key.revokedAt,
      }));
      const empty = 'No key was made yet; API_KEY of the settings works besides these.';
      output().list(rows, ['id', 'name', 'portal', 'created', 'lastUsed', 'revoked'], empty);
    });

  destructiveAction(
    tools,
    group.command('revoke').description('end a key').argument('<id>', 'the key’s id, from `api-keys list`'),
    (id: string) => `This ends the key ${id} for good: requests that carry it are answered 401.`,
    async (id: string) => {
      if (!(await withContext(({ services }) => services.apiKeys.revoke(id)))) {
        throw new ProblemError(`There is no key "${id}" in use. Nothing was changed.`);
      }
      output().done(`The key ${id} is revoked.`, { id, revoked: true });
    },
  );
};
