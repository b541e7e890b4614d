import type { Command } from 'commander';
import type { ChangeOptions, LedgerChange, WebhookLedger } from '../webhooks/index.ts';
import { type Consent, ProblemError, type Tools, withYes } from './command.ts';
import { type Chosen, choosing, EVENT_STATES, eventFilter, isEventId } from './event-filter.ts';
import type { Output } from './output.ts';

interface ChangeRequest extends Chosen, Consent {
  readonly all?: boolean;
}

/** The options of a command that changes the selected events. */
const changing = (command: Command, verb: string): Command =>
  withYes(choosing(command))
    .option('--all', `${verb} every event in these states; required without other filters`)
    .option('--dry-run', 'change nothing, only print how many events match');

/**
 * A command without a selection of events needs `--all`.
 * @returns whether the command applies to all events.
 */
function requireChoice(
  { all = false, dryRun, yes: _, state: _state, ...chosen }: ChangeRequest,
  verb: string,
) {
  const chooses = Object.values(chosen).some((value) => value !== undefined);
  if (all && chooses) {
    throw new ProblemError('--all cannot be combined with other filters.');
  }
  if (!all && !chooses && !dryRun) {
    throw new ProblemError(
      `Nothing was changed. Select events (--portal, --since, …), or ${verb} all with --all; --dry-run shows how many.`,
    );
  }
  return all;
}

export function addReplayCommand(group: Command, { withContext, output, confirm }: Tools): void {
  const command = group.command('replay').description('replay events; default: dead letters');
  changing(command, 'replay').action(async (chosen: ChangeRequest) => {
    const { dryRun = false, yes = false } = chosen;
    const out = output();
    const all = requireChoice(chosen, 'replay');
    const filter = eventFilter(chosen, chosen.id ? EVENT_STATES.filter((it) => it !== 'waiting') : ['dead']);
    const change = await withContext(async ({ services }) => {
      const { ledger } = services.webhooks;
      // Replaying events that were or will be handled repeats their effects.
      const named = chosen.id ?? chosen.record;
      const alsoOthers = named === undefined && filter.states?.some((state) => state !== 'dead');
      if ((all || alsoOthers) && !dryRun && !yes) {
        const { changed } = await ledger.replay(filter, { dryRun: true });
        await confirm(`This replays ${events(changed)} (${filter.states?.join(', ')}).`);
      }
      const { deliveryId } = filter;
      const readAgain = deliveryId === undefined ? 0 : await ledger.readAgain(deliveryId, dryRun);
      const done = await withBar(out, dryRun, (options) => ledger.replay(filter, options));
      if (chosen.id && done.changed + readAgain === 0) throw await reasonForNone(chosen.id, ledger, done);
      return { ...done, ...(readAgain > 0 && { readAgain }) };
    });
    reportChange(out, change, dryRun, ['Replayed', 'Would replay'], filter.states);
  });
}

export function addDropCommand(group: Command, { withContext, output, confirm }: Tools): void {
  const command = group
    .command('drop')
    .description('drop events without handling them; default: dead letters')
    .option('--reason <text>', 'stored with each event', 'no reason given');
  changing(command, 'drop').action(async ({ reason, ...chosen }: ChangeRequest & { reason: string }) => {
    const { dryRun = false, yes = false } = chosen;
    const out = output();
    const filter = eventFilter(chosen, ['dead']);
    const settled = filter.states?.filter((state) => !['dead', 'waiting', 'retrying'].includes(state)) ?? [];
    if (settled.length > 0) {
      throw new ProblemError(
        `Events in state ${settled.join(', ')} are settled already; dead, waiting and retrying ones can be dropped.`,
      );
    }
    requireChoice(chosen, 'drop');
    const change = await withContext(async ({ services }) => {
      const { ledger } = services.webhooks;
      const drop = (how: ChangeOptions) => ledger.drop(filter, `dropped: ${reason}`, how);
      if (!dryRun && !yes) {
        const { changed } = await drop({ dryRun: true });
        await confirm(`This drops ${events(changed)}, which are then never handled.`);
      }
      return withBar(out, dryRun, drop);
    });
    reportChange(out, change, dryRun, ['Dropped', 'Would drop'], filter.states);
  });
}

const events = (count: number) => `${count} ${count === 1 ? 'event' : 'events'}`;

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
    none ? `No event in state ${states.join(', ')} matches.` : `${dryRun ? would : did} ${events(changed)}.`,
    readAgain > 0 && `${readAgain} formerly invalid items are valid events now.`,
    erased > 0 && `${erased} were erased after a privacy deletion and cannot be replayed.`,
    unwanted > 0 && `${unwanted} have no handler and stay as they are.`,
    busy > 0 && `${busy} are being handled by a worker and were skipped.`,
    (dryRun || none) && 'Nothing was changed.',
  ];
  out.report(
    { rows: byType, columns: ['type', 'state', 'events'], after: sentences.filter(Boolean).join('\n') },
    { ...change, dryRun },
  );
}

/** If a single event or delivery was given and nothing was replayed, the command fails with the reason. */
async function reasonForNone(id: string, ledger: WebhookLedger, change: LedgerChange): Promise<ProblemError> {
  const found = isEventId(id) ? await ledger.find(id) : await ledger.findDelivery(Number(id));
  const what = `${isEventId(id) ? 'event' : 'delivery'} ${id}`;
  if (!found) return new ProblemError(`There is no ${what}.`);
  if (change.erased > 0) {
    return new ProblemError(
      `The content of ${what} was erased after a privacy deletion: it cannot be replayed.`,
    );
  }
  if (change.unwanted > 0) return new ProblemError(`No handler matches ${what}: it was not replayed.`);
  const problem = 'problem' in found && found.problem ? ` (${found.problem})` : '';
  return new ProblemError(`Nothing of ${what} can be replayed: its state is ${found.state}${problem}.`);
}
