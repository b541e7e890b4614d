import type { Command } from 'commander';
import type {
  ChangeOptions,
  DeliverySummary,
  EventSummary,
  LedgerChange,
  WebhookLedger,
} from '../services/webhook-ledger.ts';
import { type CommandGroup, limitArgument, ProblemError, type Tools } from './command.ts';
import {
  type Chosen,
  choosing,
  choosingOfState,
  deliveryFilter,
  EVENT_STATES,
  eventFilter,
  idArgument,
  isEventId,
} from './event-filter.ts';
import type { Output } from './output.ts';
import { asTime } from './time.ts';
import { addRefusedCommand } from './webhook-refused.ts';
import { addSubscriptionsCommand } from './webhook-subscriptions.ts';

export const webhookCommands: CommandGroup = (program, tools) => {
  const group = program.command('webhooks').description('webhook events: what came and what became of it');
  addLookCommands(group, tools);
  addReplayCommand(group, tools);
  addDropCommand(group, tools);
  addRefusedCommand(group, tools);
  addSubscriptionsCommand(group, tools);
};

function addLookCommands(group: Command, { withContext, output }: Tools): void {
  choosing(group.command('list').description('events, newest first, without what they say'))
    .option('--deliveries', 'the deliveries that brought them; of the options, --id, --state and times apply')
    .option('--limit <number>', 'at most so many', limitArgument, 50)
    .action(async ({ deliveries, limit, ...chosen }: Chosen & { deliveries?: boolean; limit: number }) => {
      if (deliveries) {
        const filter = deliveryFilter(chosen);
        const rows = await withContext(({ services }) =>
          services.webhookLedger.listDeliveries(filter, limit),
        );
        output().list(rows, DELIVERY_COLUMNS, 'No delivery matches.');
        return;
      }
      const filter = eventFilter(chosen);
      const rows = await withContext(({ services }) => services.webhookLedger.list(filter, limit));
      output().list(rows.map(withoutError), EVENT_COLUMNS, 'No event matches.');
    });

  choosingOfState(
    group.command('dead').description('events that failed for the last time, with their last error'),
  )
    .option('--limit <number>', 'at most so many', limitArgument, 50)
    .action(async ({ limit, ...chosen }: Chosen & { limit: number }) => {
      const filter = eventFilter(chosen, ['dead']);
      const rows = await withContext(({ services }) => services.webhookLedger.list(filter, limit));
      output().list(rows, ['received', 'id', 'record', 'type', 'attempts', 'lastError'], 'No event is dead.');
    });

  group
    .command('show')
    .description('one event, or one delivery, with what it says')
    .argument('<id>', 'id of an event, or number of a delivery', idArgument)
    .action(async (id: string) => {
      const found = await withContext(async ({ services: { webhookLedger } }) => {
        if (!isEventId(id)) return webhookLedger.findDelivery(Number(id));
        const event = await webhookLedger.find(id);
        return event && { ...event, occurredAt: asTime(event.occurredAt) };
      });
      if (!found) throw new ProblemError(`There is no ${isEventId(id) ? 'event' : 'delivery'} ${id}.`);
      output().one({ ...found });
    });
}

function addReplayCommand(group: Command, { withContext, output }: Tools): void {
  choosing(
    group
      .command('replay')
      .description('have events handled again; without --state and --id, dead ones')
      .option('--dry-run', 'only say what would be replayed'),
  ).action(async ({ dryRun = false, ...chosen }: Chosen & { dryRun?: boolean }) => {
    const out = output();
    const filter = eventFilter(chosen, chosen.id ? EVENT_STATES.filter((it) => it !== 'waiting') : ['dead']);
    const change = await withContext(async ({ services: { webhookLedger } }) => {
      const { deliveryId } = filter;
      const readAgain = deliveryId === undefined ? 0 : await webhookLedger.readAgain(deliveryId, dryRun);
      const done = await withBar(out, dryRun, (options) => webhookLedger.replay(filter, options));
      if (chosen.id && done.changed + readAgain === 0)
        throw await reasonForNone(chosen.id, webhookLedger, done);
      return { ...done, ...(readAgain > 0 && { readAgain }) };
    });
    reportChange(out, change, dryRun, ['Replayed', 'Would replay'], filter.states);
  });
}

function addDropCommand(group: Command, { withContext, output }: Tools): void {
  choosing(
    group
      .command('drop')
      .description('settle events without handling them; without --state, dead ones')
      .option('--dry-run', 'only say what would be dropped')
      .option('--yes', 'drop them')
      .option('--reason <text>', 'kept with each event', 'no reason given'),
  ).action(async (options: Chosen & { dryRun?: boolean; yes?: boolean; reason: string }) => {
    const { dryRun = false, yes = false, reason, ...chosen } = options;
    const out = output();
    const filter = eventFilter(chosen, ['dead']);
    const settled = filter.states?.filter((state) => !['dead', 'waiting', 'retrying'].includes(state)) ?? [];
    if (settled.length > 0) {
      throw new ProblemError(
        `Events in state ${settled.join(', ')} are settled already; dead, waiting and retrying ones can be dropped.`,
      );
    }
    if (!dryRun && !yes) {
      throw new ProblemError('Dropped events are never handled. Look with --dry-run, then say --yes.');
    }
    const change = await withContext(({ services }) =>
      withBar(out, dryRun, (how) => services.webhookLedger.drop(filter, `dropped: ${reason}`, how)),
    );
    reportChange(out, change, dryRun, ['Dropped', 'Would drop'], filter.states);
  });
}

const EVENT_COLUMNS = ['received', 'id', 'record', 'type', 'state', 'attempts', 'delivery'] as const;
const DELIVERY_COLUMNS: readonly (keyof DeliverySummary)[] = [
  'id',
  'received',
  'state',
  'events',
  'bytes',
  'problem',
];

/** An error may repeat what the event says. */
const withoutError = ({ lastError: _, ...event }: EventSummary) => event;

const withBar = (out: Output, dryRun: boolean, work: (options: ChangeOptions) => Promise<LedgerChange>) =>
  out.progress('events', (bar) => work({ dryRun, onTotal: bar.start, onProgress: bar.at }));

function reportChange(
  out: Output,
  change: LedgerChange & { readAgain?: number },
  dryRun: boolean,
  [did, would]: readonly [string, string],
  states: readonly string[] = [],
): void {
  const { changed, erased, unwanted, busy, byType, readAgain = 0 } = change;
  const none = changed + erased + unwanted + busy + readAgain === 0;
  const sentences = [
    none
      ? `No event in state ${states.join(', ')} matches.`
      : `${dryRun ? would : did} ${changed} ${changed === 1 ? 'event' : 'events'}.`,
    readAgain > 0 && `${readAgain} items are understood now that were no events before.`,
    erased > 0 && `${erased} were erased on a privacy deletion: nothing is left to replay.`,
    unwanted > 0 && `${unwanted} are wanted by no handler and stay as they are.`,
    busy > 0 && `${busy} were in a worker's hands and were left alone.`,
    (dryRun || none) && 'Nothing was changed.',
  ];
  out.report(
    { rows: byType, columns: ['type', 'state', 'events'], after: sentences.filter(Boolean).join('\n') },
    { ...change, dryRun },
  );
}

/** An event or a delivery was named and nothing was replayed: that is a failure, and needs a reason. */
async function reasonForNone(id: string, ledger: WebhookLedger, change: LedgerChange): Promise<ProblemError> {
  const found = isEventId(id) ? await ledger.find(id) : await ledger.findDelivery(Number(id));
  const what = `${isEventId(id) ? 'event' : 'delivery'} ${id}`;
  if (!found) return new ProblemError(`There is no ${what}.`);
  if (change.erased > 0) {
    return new ProblemError(`What ${what} said was erased on a privacy deletion: it cannot be replayed.`);
  }
  if (change.unwanted > 0) return new ProblemError(`No handler wants ${what}: it was not replayed.`);
  const problem = 'problem' in found && found.problem ? ` (${found.problem})` : '';
  return new ProblemError(`Nothing of ${what} can be replayed: it is ${found.state}${problem}.`);
}
