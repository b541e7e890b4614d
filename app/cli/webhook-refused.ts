import type { Command } from 'commander';
import { limitArgument, type Tools } from './command.ts';

/** Grouped, because HubSpot retries rejected requests. */
export function addRefusedCommand(group: Command, { withContext, output }: Tools): void {
  group
    .command('refused')
    .description('requests with an invalid signature: why, and the setting to change')
    .option('--limit <number>', 'maximum number of rows', limitArgument, 20)
    .action(async ({ limit }: { limit: number }) => {
      const rows = await withContext(({ services }) => services.webhooks.rejectedRequests.list(limit));
      output().list(
        rows,
        ['lastAt', 'times', 'method', 'path', 'reason', 'setting', 'finding'],
        'No rejected requests are stored.',
      );
    });
}
