import type { Command } from 'commander';
import type { DeliverySummary, EventSummary } from '../webhooks/index.ts';
import { type CommandGroup, limitArgument, ProblemError, type Tools } from './command.ts';
import {
  type Chosen,
  choosing,
  choosingOfState,
  deliveryFilter,
  eventFilter,
  idArgument,
  isEventId,
} from './event-filter.ts';
import { asTime } from './time.ts';
import { addDropCommand, addReplayCommand } from './webhook-changes.ts';
import { addRefusedCommand } from './webhook-refused.ts';
import { addSubscriptionsCommand } from './webhook-subscriptions.ts';

export const webhookCommands: CommandGroup = (program, tools) => {
  const group = program.command('webhooks').description('received webhook events and their outcomes');
  addLookCommands(group, tools);
  addReplayCommand(group, tools);
  addDropCommand(group, tools);
  addRefusedCommand(group, tools);
  addSubscriptionsCommand(group, tools);
};

function addLookCommands(group: Command, { withContext, output }: Tools): void {
  choosing(group.command('list').description('list events, newest first, without their content'))
    .option('--deliveries', 'list deliveries instead; only --id, --state and times apply')
    .option('--limit <number>', 'maximum number', limitArgument, 50)
    .action(async ({ deliveries, limit, ...chosen }: Chosen & { deliveries?: boolean; limit: number }) => {
      if (deliveries) {
        const filter = deliveryFilter(chosen);
        const rows = await withContext(({ services }) =>
          services.webhooks.ledger.listDeliveries(filter, limit),
        );
        output().list(rows, DELIVERY_COLUMNS, 'No delivery matches.');
        return;
      }
      const filter = eventFilter(chosen);
      const rows = await withContext(({ services }) => services.webhooks.ledger.list(filter, limit));
      output().list(rows.map(withReason), EVENT_COLUMNS, 'No event matches.');
    });

  choosingOfState(group.command('dead').description('list dead letters with their last error'))
    .option('--limit <number>', 'maximum number', limitArgument, 50)
    .action(async ({ limit, ...chosen }: Chosen & { limit: number }) => {
      const filter = eventFilter(chosen, ['dead']);
      const rows = await withContext(({ services }) => services.webhooks.ledger.list(filter, limit));
      output().list(rows, ['received', 'id', 'record', 'type', 'attempts', 'lastError'], 'No event is dead.');
    });

  group
    .command('show')
    .description('show an event or a delivery with its content')
    .argument('<id>', 'id of an event, or number of a delivery', idArgument)
    .action(async (id: string) => {
      const found = await withContext(async ({ services: { webhooks } }) => {
        if (!isEventId(id)) return webhooks.ledger.findDelivery(Number(id));
        const event = await webhooks.ledger.find(id);
        return event && { ...event, occurredAt: asTime(event.occurredAt) };
      });
      if (!found) throw new ProblemError(`The ${isEventId(id) ? 'event' : 'delivery'} ${id} does not exist.`);
      output().one({ ...found });
    });
}

const EVENT_COLUMNS = [
  'received',
  'id',
  'record',
  'type',
  'state',
  'attempts',
  'delivery',
  'reason',
] as const;
const DELIVERY_COLUMNS: readonly (keyof DeliverySummary)[] = [
  'id',
  'received',
  'state',
  'events',
  'bytes',
  'problem',
];

/** An error may contain data of the event; the reason why an event is ignored does not. */
const withReason = ({ lastError, ...event }: EventSummary) => ({
  ...event,
  reason: event.state === 'ignored' ? lastError : null,
});
