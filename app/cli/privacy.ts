import { type CommandGroup, limitArgument, portalArgument } from './command.ts';

export const privacyCommands: CommandGroup = (program, { withContext, output }) => {
  program
    .command('privacy')
    .description('erasures after HubSpot’s privacy deletions')
    .command('receipts')
    .description('list the erasures, newest first: time, record, and number of rows')
    .option('--portal <portal>', 'only of this HubSpot account', portalArgument)
    .option('--limit <number>', 'maximum number', limitArgument, 50)
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
