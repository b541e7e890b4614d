import { type Command, InvalidArgumentError } from 'commander';
import type {
  ChangeOptions,
  DeliveryFilter,
  DeliverySummary,
  EventFilter,
  EventSummary,
  LedgerChange,
} from '../services/webhook-ledger.ts';
import { type CommandGroup, ProblemError, portalArgument, type Tools } from './command.ts';
import type { Output } from './output.ts';
import { timeArgument } from './time.ts';
import { addRefusedCommand } from './webhook-refused.ts';
import { addSubscriptionsCommand } from './webhook-subscriptions.ts';

const EVENT_STATES = ['waiting', 'retrying', 'done', 'ignored', 'dead', 'erased'] as const;
const DELIVERY_STATES = ['waiting', 'done', 'rejected'] as const;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** The options that choose events. */
interface Chosen {
  id?: string;
  portal?: number;
  record?: string;
  type?: string[];
  state?: string[];
  since?: Date;
  until?: Date;
}

export const webhookCommands: CommandGroup = (program, tools) => {
  const group = program.command('webhooks').description('webhook events: what came and what became of it');
  addLookCommands(group, tools);
  addChangeCommands(group, tools);
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

  choosing(group.command('dead').description('events that failed for the last time, with their last error'))
    .option('--limit <number>', 'at most so many', limitArgument, 50)
    .action(async ({ limit, ...chosen }: Chosen & { limit: number }) => {
      const filter = { ...eventFilter(chosen), states: ['dead'] as const };
      const rows = await withContext(({ services }) => services.webhookLedger.list(filter, limit));
      output().list(rows, ['received', 'id', 'record', 'type', 'attempts', 'lastError'], 'No event is dead.');
    });

  group
    .command('show')
    .description('one event, or one delivery, with what it says')
    .argument('<id>', 'id of an event, or number of a delivery', idArgument)
    .action(async (id: string) => {
      const found = await withContext(async ({ services: { webhookLedger } }) => {
        if (UUID.test(id)) return webhookLedger.find(id);
        const delivery = await webhookLedger.findDelivery(Number(id));
        return delivery && { ...delivery, body: delivery.body?.toString('utf8') ?? null };
      });
      if (!found) throw new ProblemError(`There is no ${UUID.test(id) ? 'event' : 'delivery'} ${id}.`);
      output().one({ ...found, ...('occurredAt' in found && { occurredAt: new Date(found.occurredAt) }) });
    });
}

function addChangeCommands(group: Command, { withContext, output }: Tools): void {
  choosing(
    group
      .command('replay')
      .description('have events handled again; without --state and --id, dead ones')
      .option('--dry-run', 'only say what would be replayed'),
  ).action(async ({ dryRun = false, ...chosen }: Chosen & { dryRun?: boolean }) => {
    const out = output();
    const any = chosen.id ? EVENT_STATES.filter((state) => state !== 'waiting') : (['dead'] as const);
    const filter = { ...eventFilter(chosen), states: eventFilter(chosen).states ?? any };
    const change = await withContext(async ({ services: { webhookLedger } }) => {
      const done = await withBar(out, dryRun, (options) => webhookLedger.replay(filter, options));
      if (chosen.id && done.changed === 0) await explainNothing(chosen.id, webhookLedger, done);
      return done;
    });
    reportChange(out, change, dryRun, {
      did: 'Replayed',
      would: 'Would replay',
      what: `in state ${filter.states.join(', ')}`,
    });
  });

  choosing(
    group
      .command('drop')
      .description('settle events without handling them; without --state, dead ones')
      .option('--dry-run', 'only say what would be dropped')
      .option('--yes', 'drop them')
      .option('--reason <text>', 'kept with each event', 'no reason given'),
  ).action(
    async ({
      dryRun = false,
      yes = false,
      reason,
      ...chosen
    }: Chosen & { dryRun?: boolean; yes?: boolean; reason: string }) => {
      const out = output();
      const filter = { ...eventFilter(chosen), states: eventFilter(chosen).states ?? (['dead'] as const) };
      const settled = filter.states.filter((state) => !['dead', 'waiting', 'retrying'].includes(state));
      if (settled.length > 0) {
        throw new ProblemError(
          `Events in state ${settled.join(', ')} are settled already; dead, waiting and retrying ones can be dropped.`,
        );
      }
      if (!dryRun && !yes) {
        throw new ProblemError('Dropped events are never handled. Look with --dry-run, then say --yes.');
      }
      const why = `dropped: ${reason}`;
      const change = await withContext(({ services }) =>
        withBar(out, dryRun, (options) => services.webhookLedger.drop(filter, why, options)),
      );
      reportChange(out, change, dryRun, {
        did: 'Dropped',
        would: 'Would drop',
        what: `in state ${filter.states.join(', ')}`,
      });
    },
  );
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

const choosing = (command: Command) =>
  command
    .option('--id <id>', 'the event with this id, or the events of the delivery with this number', idArgument)
    .option('--portal <portal>', 'of this HubSpot account', portalArgument)
    .option('--record <record>', 'of this record: contact:101, or 62515:contact:101', recordArgument)
    .option('--type <types>', 'of these types: contact.creation,contact.deletion', listArgument)
    .option('--state <states>', `in these states: ${EVENT_STATES.join(',')}`, listArgument)
    .option('--since <time>', 'received since then: 2026-11-21T09:30:00Z, or 2h, 3d ago', timeArgument)
    .option('--until <time>', 'received before then', timeArgument);

function eventFilter({ id, portal, record, type, state, since, until }: Chosen): EventFilter {
  const ofPortal = record && /^\d+:.+:/.test(record);
  return {
    ...(id && (UUID.test(id) ? { eventId: id } : { deliveryId: Number(id) })),
    portalId: portal,
    ...(record && (ofPortal ? { record } : portal ? { record: `${portal}:${record}` } : { object: record })),
    types: type,
    states: state && statesOf(state, EVENT_STATES),
    since,
    until,
  };
}

function deliveryFilter({ id, portal, record, type, state, since, until }: Chosen): DeliveryFilter {
  if (portal || record || type || (id && UUID.test(id))) {
    throw new ProblemError('A delivery holds events of many records: choose by number, state and time.');
  }
  return { id: id ? Number(id) : undefined, states: state && statesOf(state, DELIVERY_STATES), since, until };
}

function statesOf<State extends string>(given: readonly string[], known: readonly State[]): State[] {
  return given.map((text) => {
    const state = known.find((name) => name === text);
    if (!state) throw new ProblemError(`There is no state "${text}"; there are ${known.join(', ')}.`);
    return state;
  });
}

function idArgument(text: string): string {
  if (!UUID.test(text) && !/^[1-9]\d{0,14}$/.test(text))
    throw new InvalidArgumentError('It must be the id of an event (a uuid) or the number of a delivery.');
  return text.toLowerCase();
}

function recordArgument(text: string): string {
  if (!/^([1-9]\d{0,14}:)?[\w-]+:[\w-]+$/.test(text))
    throw new InvalidArgumentError('Write it as type:id or portal:type:id, such as contact:101.');
  return text;
}

function limitArgument(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a number from 1 to 999999.');
  return Number(text);
}

const listArgument = (text: string) => text.split(',').map((part) => part.trim());

async function withBar(
  out: Output,
  dryRun: boolean,
  work: (options: ChangeOptions) => Promise<LedgerChange>,
): Promise<LedgerChange> {
  let bar: ReturnType<Output['progress']> | undefined;
  try {
    return await work({
      dryRun,
      onTotal: (total) => {
        bar = out.progress(total, 'events');
      },
      onProgress: (done) => bar?.at(done),
    });
  } finally {
    bar?.end();
  }
}

function reportChange(
  out: Output,
  change: LedgerChange,
  dryRun: boolean,
  words: { did: string; would: string; what: string },
): void {
  const { changed, erased, unwanted, busy, byType } = change;
  const sentences = [
    changed > 0 || erased + unwanted + busy > 0
      ? `${dryRun ? words.would : words.did} ${changed} events.${dryRun ? ' Nothing was changed.' : ''}`
      : `No event ${words.what} matches. Nothing was changed.`,
    erased > 0 && `${erased} were erased on a privacy deletion: nothing is left to replay.`,
    unwanted > 0 && `${unwanted} are wanted by no handler and stay as they are.`,
    busy > 0 && `${busy} were in a worker's hands and were left alone.`,
  ];
  out.report(
    { rows: byType, columns: ['type', 'state', 'events'], after: sentences.filter(Boolean).join('\n') },
    { ...change, dryRun },
  );
}

/** One event was named and nothing was replayed: that is a failure, and needs a reason. */
async function explainNothing(
  id: string,
  ledger: { find(id: string): Promise<EventSummary | undefined> },
  { erased, unwanted }: LedgerChange,
): Promise<void> {
  const event = UUID.test(id) ? await ledger.find(id) : undefined;
  if (UUID.test(id) && !event) throw new ProblemError(`There is no event ${id}.`);
  if (erased > 0)
    throw new ProblemError('What the event said was erased on a privacy deletion: it cannot be replayed.');
  if (unwanted > 0) throw new ProblemError('No handler wants the event: it was not replayed.');
  if (event?.state === 'waiting') throw new ProblemError('The event waits to be handled already.');
}
