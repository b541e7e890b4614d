import { type Command, Option } from 'commander';
import type { AccessTokenInfo } from '../hubspot/apis/access-tokens.ts';
import { INSTALL_STATES, type InstallStatus } from '../installs/index.ts';
import { type CommandGroup, destructiveAction, ProblemError, portalArgument } from './command.ts';

const PAGE = 500;

/** The names under which states are shown. */
const SHOWN_STATES = [...INSTALL_STATES, 'refreshing'] as const;
type ShownState = (typeof SHOWN_STATES)[number];

interface DisconnectOptions {
  local?: boolean;
}

export const installCommands: CommandGroup = (program, tools) => {
  const { withContext, output, readSecret } = tools;
  const group = program.command('installs').description('the portals that installed the app');
  const portal = (command: Command) =>
    command.argument('<portal>', 'number of the HubSpot account', portalArgument);

  group
    .command('list')
    .description('list the installs with their states')
    .addOption(new Option('--state <state>', 'only those in this state').choices(SHOWN_STATES))
    .option('--needs-consent', 'only those without a scope of HUBSPOT_SCOPES')
    .action(async ({ state, needsConsent = false }: { state?: ShownState; needsConsent?: boolean }) => {
      const rows = await withContext(async ({ services }) => {
        const all: InstallStatus[] = [];
        for (let after = 0; ; ) {
          const page = await services.installs.list(after, PAGE, state === 'refreshing' ? undefined : state);
          const wanted = page.filter(({ refreshing }) => state !== 'refreshing' || refreshing);
          const lacking = wanted.filter(
            ({ kind, missingScopes }) => kind === 'oauth' && missingScopes.length > 0,
          );
          all.push(...(needsConsent ? lacking : wanted));
          if (page.length < PAGE) return all;
          after = page.at(-1)?.portalId ?? after;
        }
      });
      output().list(
        rows.map(summary),
        ['portal', 'kind', 'state', 'reason', 'tokenExpires', 'nextRefresh', 'missingScopes'],
        emptyList(state, needsConsent),
      );
    });

  portal(group.command('show').description('show an install and its history'))
    .option('--refreshes', 'also show the routine refreshes of the last days')
    .action(async (portalId: number, { refreshes = false }: { refreshes?: boolean }) => {
      const [install, history, alarms, optionalScopes] = await withContext(async ({ services, config }) => [
        await services.installs.status(portalId),
        await services.installs.history(portalId),
        await services.alarms.of(portalId),
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
        at,
        from: fromState,
        to: toState,
        reason,
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

  portal(group.command('add').description('connect your own account with its access token'))
    .option(
      '--access-token <token>',
      'of an app with static auth, a private app or a service key; by default it is prompted for or read from standard input',
    )
    .action(async (portalId: number, { accessToken }: { accessToken?: string }) => {
      const token = accessToken ?? (await readSecret(`Access token of portal ${portalId} (not shown)`));
      if (token === '') throw new ProblemError('No access token was given. Nothing was stored.');
      const [install, info, appId] = await withContext(async ({ services: { installs }, config }) => {
        const added = await installs.addAccessToken(portalId, token);
        return [await installs.status(portalId), added, config.hubspot.appId];
      });
      output().done(
        [`Portal ${portalId} is connected.`, ...remarks(install, info, appId)].join(' '),
        summary(install),
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
    portal(
      group.command('disconnect').description('uninstall the app at HubSpot and delete the tokens'),
    ).option('--local', 'only delete the tokens, without calling HubSpot'),
    async (portalId: number, { local }: DisconnectOptions) => {
      if (local) return `This deletes the tokens of portal ${portalId} without notifying HubSpot.`;
      const { kind } = await withContext(({ services }) => services.installs.status(portalId));
      return kind === 'oauth'
        ? `This uninstalls the app from portal ${portalId} at HubSpot and deletes its tokens.`
        : `This deletes the access token of portal ${portalId}.`;
    },
    async (portalId: number, { local = false }: DisconnectOptions) => {
      const [{ hubspotTold }, { kind }] = await withContext(async ({ services }) => [
        await services.installs.disconnect(portalId, { local }),
        await services.installs.status(portalId),
      ]);
      const atHubSpot = hubspotTold ? '' : ` ${LEFT_AT_HUBSPOT[kind]}`;
      output().done(`Portal ${portalId} is disconnected.${atHubSpot}`, {
        portal: portalId,
        state: 'uninstalled',
        hubspotTold,
      });
    },
  );

  portal(
    group.command('reconnect-link').description('print the URL at which the customer reinstalls the app'),
  ).action(async (portalId: number) => {
    const link = await withContext(async ({ services, config }) => {
      const install = await services.installs.find(portalId);
      if (install?.reconnectUrl === null) throw new ProblemError(noLink(portalId));
      return `${config.serverUrl}/install?portalId=${portalId}`;
    });
    output().done(link, { portal: portalId, link });
  });
};

function emptyList(state: ShownState | undefined, needsConsent: boolean): string {
  if (state) return `No install is ${state}${needsConsent ? ' and lacks a scope' : ''}.`;
  return needsConsent ? 'No install lacks a scope.' : 'No portal has installed the app yet.';
}

const LEFT_AT_HUBSPOT = {
  oauth: 'HubSpot was not notified: the customer may have to remove the app there as well.',
  access_token: 'Its access token still works at HubSpot: rotate or delete it there.',
};

const noLink = (portalId: number) =>
  `Portal ${portalId} is connected with an access token, without an install link. Replace the token: installs add ${portalId}.`;

/** Warnings about what the token does not cover. */
function* remarks(install: InstallStatus, info: AccessTokenInfo, appId: number): Generator<string> {
  if (info.scopes === undefined) yield 'HubSpot did not return the scopes of the token.';
  else if (install.missingScopes.length > 0) yield `It lacks scopes: ${install.missingScopes.join(', ')}.`;
  if (info.appId !== undefined && info.appId !== appId)
    yield `Webhooks of its app are handled only with HUBSPOT_APP_ID=${info.appId} and that app’s client secret.`;
}

const summary = (install: InstallStatus) => ({
  portal: install.portalId,
  kind: install.kind,
  state: install.refreshing ? 'refreshing' : install.state,
  reason: install.stateReason,
  tokenExpires: install.accessTokenExpiresAt,
  nextRefresh: install.refreshDueAt,
  missingScopes: install.missingScopes,
});
