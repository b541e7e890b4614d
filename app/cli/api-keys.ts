import { type CommandGroup, destructiveAction, ProblemError, portalArgument } from './command.ts';

export const apiKeyCommands: CommandGroup = (program, tools) => {
  const { withContext, output } = tools;
  const group = program.command('api-keys').description('keys for this server’s own API');

  group
    .command('create')
    .description('create a key; it is shown only once')
    .requiredOption('--name <name>', 'what the key is for')
    .option('--portal <portal>', 'limit the key to one HubSpot account', portalArgument)
    .action(async ({ name, portal }: { name: string; portal?: number }) => {
      const created = await withContext(({ services }) => services.apiKeys.create(name, portal ?? null));
      output().done(created.key, { ...created, name, portal: portal ?? null });
    });

  group
    .command('list')
    .description('list the keys without their secrets')
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
      const empty = 'No keys were created yet; the setting API_KEY works as well.';
      output().list(rows, ['id', 'name', 'portal', 'created', 'lastUsed', 'revoked'], empty);
    });

  destructiveAction(
    tools,
    group
      .command('revoke')
      .description('revoke a key')
      .argument('<id>', 'the key’s id, from `api-keys list`'),
    (id: string) => `This revokes the key ${id} permanently: requests with it get 401.`,
    async (id: string) => {
      if (!(await withContext(({ services }) => services.apiKeys.revoke(id)))) {
        throw new ProblemError(`There is no valid key "${id}". Nothing was changed.`);
      }
      output().done(`The key ${id} is revoked.`, { id, revoked: true });
    },
  );
};
