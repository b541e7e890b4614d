import { type Command, Option } from 'commander';
import { INSTALL_STATES, type InstallStatus } from '../services/install-service.ts';
import { type CommandGroup, destructiveAction, portalArgument } from './command.ts';

const PAGE = 500;

/** What an install's state is shown as. */
const SHOWN_STATES = [...INSTALL_STATES, 'refreshing'] as const;
type ShownState = (typeof SHOWN_STATES)[number];

interface DisconnectOptions {
  local?: boolean;
}

export const installCommands: CommandGroup = (program, tools) => {
  const { withContext, output } = tools;
  const group = program.command('installs').description('the portals that installed the app');
  const portal = (command: Command) =>
    command.argument('<portal>', 'number of the HubSpot account', portalArgument);

  group
    .command('list')
    .description('every install with its state')
    .addOption(new Option('--state <state>', 'only those in this state').choices(SHOWN_STATES))
    .option('--needs-consent', 'only those that lack a scope of HUBSPOT_SCOPES')
    .action(async ({ state, needsConsent = false }: { state?: ShownState; needsConsent?: boolean }) => {
      const rows = await withContext(async ({ services }) => {
        const all: InstallStatus[] = [];
        for (let after = 0; ; ) {
          const page = await services.installs.list(after, PAGE, state === 'refreshing' ? undefined : state);
          const wanted = page.filter(({ refreshing }) => state !== 'refreshing' || refreshing);
          all.push(...wanted.filter(({ missingScopes }) => !needsConsent || missingScopes.length > 0));
          if (page.length < PAGE) return all;
          after = page.at(-1)?.portalId ?? after;
        }
      });
      output().list(
        rows.map(summary),
        ['portal', 'state', 'reason', 'tokenExpires', 'nextRefresh', 'missingScopes'],
        emptyList(state, needsConsent),
      );
    });

  portal(group.command('show').description('one install and its history'))
    .option('--refreshes', 'with the refreshes of the last days that left it as it was')
    .action(async (portalId: number, { refreshes = false }: { refreshes?: boolean }) => {
      const [install, history, alarms, optionalScopes] = await withContext(async ({ services, config }) => [
        await services.installs.status(portalId),
        await services.installs.history(portalId),
        await services.portalAlarms.of(portalId),
        config.hubspot.optionalScopes,
      ]);
      const shown = history.filter(({ routine }) => refreshes || !routine);
      const fields = {
        ...summary(install),
        missingOptionalScopes: optionalScopes.filter((scope) => !install.has(scope)),
        app: install.appId,
        user: install.userEmail,
        partnerUser: install.partnerUser,
        domain: install.hubDomain,
        scopes: install.scopes,
        installed: install.installedAt,
        reconnect: install.reconnectUrl,
      };
      const entries = shown.map(({ at, fromState, toState, reason }) => ({
        ...{ at, from: fromState, to: toState, reason },
      }));
      output().one(
        {
          ...fields,
          alarms: alarms.map(({ message, since }) => `since ${since.toISOString()}: ${message}`),
        },
        { ...fields, alarms, history: entries },
        { title: 'History', rows: entries, columns: ['at', 'to', 'reason'] },
      );
    });

  portal(group.command('refresh').description('refresh the access token now')).action(
    async (portalId: number) => {
      const install = await withContext(async ({ services }) => {
        await services.tokens.refreshNow(portalId);
        return services.installs.status(portalId);
      });
      const expires = install.accessTokenExpiresAt?.toISOString();
      output().done(
        `Refreshed; the access token of portal ${portalId} expires at ${expires}.`,
        summary(install),
      );
    },
  );

  destructiveAction(
    tools,
    portal(group.command('disconnect').description('uninstall at HubSpot and forget the tokens')).option(
      '--local',
      'only forget the tokens: HubSpot is not told, for when it refuses',
    ),
    (portalId: number, { local }: DisconnectOptions) =>
      local
        ? `This forgets the tokens of portal ${portalId} without telling HubSpot.`
        : `This uninstalls the app from portal ${portalId} at HubSpot and forgets its tokens.`,
    async (portalId: number, { local = false }: DisconnectOptions) => {
      const { hubspotTold } = await withContext(({ services }) =>
        services.installs.disconnect(portalId, { local }),
      );
      const atHubSpot = hubspotTold
        ? ''
        : ' HubSpot was not told: the customer may have to remove the app there as well.';
      output().done(`Portal ${portalId} is disconnected.${atHubSpot}`, {
        ...{ portal: portalId, state: 'uninstalled', hubspotTold },
      });
    },
  );

  portal(
    group.command('reconnect-link').description('the address at which the customer installs again'),
  ).action(async (portalId: number) => {
    const link = await withContext(async ({ config }) => `${config.serverUrl}/install?portalId=${portalId}`);
    output().done(link, { portal: portalId, link });
  });
};

function emptyList(state: ShownState | undefined, needsConsent: boolean): string {
  if (state) return `No install is ${state}${needsConsent ? ' and lacks a scope' : ''}.`;
  return needsConsent ? 'No install lacks a scope.' : 'No portal has installed the app yet.';
}

const summary = (install: InstallStatus) => ({
  portal: install.portalId,
  state: install.refreshing ? 'refreshing' : install.state,
  reason: install.stateReason,
  tokenExpires: install.accessTokenExpiresAt,
  nextRefresh: install.refreshDueAt,
  missingScopes: install.missingScopes,
});
