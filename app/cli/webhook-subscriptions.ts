import path from 'node:path';
import type { Command } from 'commander';
import type { ComparedSubscription, WebhookSubscriptions } from '../webhooks/index.ts';
import { ProblemError, type Tools, withYes } from './command.ts';
import type { Output } from './output.ts';

const PROJECT = path.join(import.meta.dirname, '..', '..', 'hubspot-project');

interface Options {
  apply?: boolean;
  project?: string | true;
  deleteUndeclared?: boolean;
  yes?: boolean;
}

export function addSubscriptionsCommand(
  group: Command,
  { withContext, projectSubscriptions, output, confirm }: Tools,
): void {
  withYes(
    group
      .command('subscriptions')
      .description('compare the subscriptions at HubSpot with those of the handlers')
      .option('--apply', 'update a legacy app: subscriptions and target URL')
      .option('--project [folder]', 'write them to the project of a project app (default: hubspot-project)')
      .option('--delete-undeclared', 'also remove subscriptions without a handler'),
  ).action(async ({ apply = false, project, deleteUndeclared = false, yes = false }: Options) => {
    if (deleteUndeclared && !apply && !project)
      throw new ProblemError('--delete-undeclared needs --apply or --project.');
    if (apply && project)
      throw new ProblemError('Use --apply for a legacy app or --project for a project app, not both.');
    if (apply && deleteUndeclared && !yes) {
      await confirm('This deletes the subscriptions at HubSpot that have no handler.');
    }
    const out = output();
    const folder = project === true ? PROJECT : project;
    if (folder) return writeProject(out, await projectSubscriptions(), folder, deleteUndeclared);
    await withContext(
      ({ services: { webhooks } }) =>
        apply
          ? applyAll(out, webhooks.subscriptions, deleteUndeclared)
          : compare(out, webhooks.subscriptions),
      { database: false },
    );
  });
}

async function compare(out: Output, subscriptions: WebhookSubscriptions): Promise<void> {
  const comparison = await subscriptions.compare();
  const { targetUrl } = comparison;
  const rows = comparison.subscriptions.map((row) => ({ ...row, difference: differenceOf(row) }));
  const differences = rows.filter(({ difference, wanted }) => difference && wanted).length;
  const sameUrl = targetUrl.hubspot === targetUrl.wanted;
  out.report(
    {
      before: sameUrl
        ? `HubSpot delivers to ${targetUrl.wanted}.`
        : `HubSpot delivers to ${targetUrl.hubspot ?? 'no address'}; ${targetUrl.setting} wants ${targetUrl.wanted}.`,
      rows,
      columns: ['type', 'objectType', 'property', 'hubspot', 'difference'],
      after:
        sameUrl && differences === 0
          ? 'The subscriptions are up to date.'
          : 'Update them with --apply (legacy app) or --project (project app).',
    },
    { targetUrl, subscriptions: rows },
  );
}

function differenceOf({ wanted, hubspot }: ComparedSubscription): string {
  if (!wanted) return 'wanted by no handler';
  return { missing: 'to be created', paused: 'to be activated', active: '' }[hubspot];
}

async function applyAll(
  out: Output,
  subscriptions: WebhookSubscriptions,
  deleteUndeclared: boolean,
): Promise<void> {
  const changes = await subscriptions.apply({ deleteUndeclared });
  const failed = changes.filter(({ action }) => action === 'failed');
  out.report(
    {
      rows: changes,
      columns: failed.length > 0 ? ['action', 'what', 'problem'] : ['action', 'what'],
      after:
        changes.length > 0
          ? 'HubSpot applies it within five minutes.'
          : 'The subscriptions are up to date: nothing was changed.',
    },
    { changes },
  );
  if (failed.length > 0)
    throw new ProblemError(`HubSpot rejected ${failed.length} of ${changes.length} changes.`);
}

async function writeProject(
  out: Output,
  subscriptions: Pick<WebhookSubscriptions, 'writeProject'>,
  folder: string,
  deleteUndeclared: boolean,
): Promise<void> {
  const change = await subscriptions.writeProject(folder, deleteUndeclared);
  const { file, written, targetUrl, added, activated, removed, undeclared } = change;
  const rows = [
    ...added.map((what) => ({ action: 'added', what })),
    ...activated.map((what) => ({ action: 'activated', what })),
    ...removed.map((what) => ({ action: 'removed', what })),
    ...undeclared.map((what) => ({ action: 'kept, wanted by no handler', what })),
  ];
  const fromHere = path.relative(process.cwd(), file);
  const shown = fromHere.startsWith('..') ? file : fromHere;
  out.report(
    {
      rows,
      columns: ['action', 'what'],
      after: written
        ? `${shown} is written; its target URL is ${targetUrl}. Send it to HubSpot: \`hs project upload\`, then \`hs project deploy\`.`
        : `${shown} declares all of this already; its target URL is ${targetUrl}.`,
    },
    change,
  );
}
