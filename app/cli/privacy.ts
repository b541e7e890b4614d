import { type CommandGroup, limitArgument, portalArgument } from './command.ts';

export const privacyCommands: CommandGroup = (program, { withContext, output }) => {
  program
    .command('privacy')
    .description('what was erased on HubSpot’s privacy deletions')
    .command('receipts')
    .description('every erasure, newest first: when, which record, how many rows of what')
    .option('--portal <portal>', 'of this HubSpot account', portalArgument)
    .option('--limit <number>', 'at most so many', limitArgument, 50)
    .action(async ({ portal, limit }: { portal?: number; limit: number }) => {
      const receipts = await withContext(({ services }) => services.webhooks.privacy.receipts(portal, limit));
      const rows = receipts.map(({ portalId, erased, ...receipt }) => ({
        ...receipt,
        portal: portalId,
        erased,
        rows: Object.entries(erased)
          .map(([table, count]) => `${table}: ${count}`)
          .join(', '),
      }));
      output().list(rows, ['erasedAt', 'id', 'record', 'rows'], 'Nothing was erased yet.');
    });
};
