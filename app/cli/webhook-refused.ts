import type { Command } from 'commander';
import { limitArgument, type Tools } from './command.ts';

/** Not one by one: HubSpot repeats what is refused. */
export function addRefusedCommand(group: Command, { withContext, output }: Tools): void {
  group
    .command('refused')
    .description('requests whose signature was not right: why, and the setting to change')
    .option('--limit <number>', 'at most so many kinds', limitArgument, 20)
    .action(async ({ limit }: { limit: number }) => {
      const rows = await withContext(({ services }) => services.webhooks.rejectedRequests.list(limit));
      output().list(
        rows,
        ['lastAt', 'times', 'method', 'path', 'reason', 'setting', 'finding'],
        'No refused request is on record.',
      );
    });
}
