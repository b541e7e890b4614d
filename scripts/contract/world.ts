import path from 'node:path';
import { createLogger } from '../../app/base/logger.ts';
import { createAccessTokensApi } from '../../app/hubspot/apis/access-tokens.ts';
import { createOAuthApi } from '../../app/hubspot/apis/oauth.ts';
import { createWebhookSettingsApi } from '../../app/hubspot/apis/webhook-settings.ts';
import { HubSpotError } from '../../app/hubspot/client/errors.ts';
import { createHubSpotHttp } from '../../app/hubspot/client/http.ts';
import { portalApis } from '../../app/hubspot/portal-apis.ts';
import { type ApiPaths, apiPaths } from '../../app/hubspot/versions.ts';
import { startSandbox } from '../../sandbox/index.ts';
import { type Exchange, startRecordingProxy } from './recording-proxy.ts';

/** Never called: the app itself does not run. */
const SERVER_URL = 'http://localhost:9';
const PORTAL = 62515;
/** The cases use its event type; the vendor's types may change. */
const PROJECT = path.join(import.meta.dirname, '../../test/fixtures/vendor/hubspot-project');

/** In addition to the project's scopes: a vendor's services may need any of these. */
const MORE_SCOPES = [
  'tickets',
  'crm.objects.owners.read',
  'sales-email-read',
  'crm.lists.read',
  'crm.lists.write',
  ...['contacts', 'companies', 'deals', 'line_items', 'quotes', 'custom'].flatMap((type) =>
    ['objects', 'schemas'].flatMap((part) => [`crm.${part}.${type}.read`, `crm.${part}.${type}.write`]),
  ),
];

/** Every typed service, by the name of its area. */
export type Services = ReturnType<typeof createServices>;

/** What a case can use. */
export interface World {
  readonly services: Services;
  /** Gets a new authorization code of the portal, as after consent. */
  code(): Promise<string>;
  /** The tokens of the portal's install. */
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Creates a new one; the former one becomes invalid. */
  privateAppToken(): Promise<string>;
}

/** A case calls services; its result is not used. */
export type Cases = Record<string, (world: World) => Promise<unknown>>;

function createServices(apiUrl: string, accessToken: () => string, paths: ApiPaths) {
  const http = createHubSpotHttp(apiUrl, createLogger('silent', 'contract'));
  const app = {
    clientId: 'sandbox-client-id',
    clientSecret: 'sandbox-client-secret',
    redirectUri: `${SERVER_URL}/oauth-callback`,
  };
  return {
    oauth: createOAuthApi(http, app, paths),
    accessTokens: createAccessTokensApi(http, paths),
    webhookSettings: createWebhookSettingsApi(
      http,
      { appId: 193354, developerApiKey: 'sandbox-developer-key' },
      paths,
    ),
    ...portalApis((request) => http({ ...request, accessToken: accessToken() }), paths),
  };
}

/** Runs work with a new sandbox in which the app is installed. Returns the requests and responses of the services. */
export async function inWorld(
  work: (world: World) => Promise<void>,
  paths = apiPaths,
): Promise<readonly Exchange[]> {
  const sandbox = await startSandbox({ port: 0, serverUrl: SERVER_URL, projectFolder: PROJECT });
  const proxy = await startRecordingProxy(sandbox.url);
  try {
    const code = () => consent(sandbox.url);
    const { accessToken, refreshToken = '' } = await createServices(
      sandbox.url,
      () => '',
      paths,
    ).oauth.exchangeCode(await code());
    await work({
      services: createServices(proxy.url, () => accessToken, paths),
      code,
      accessToken,
      refreshToken,
      privateAppToken: () => makePrivateApp(sandbox.url),
    });
    return proxy.exchanges;
  } finally {
    await proxy.close();
    await sandbox.close();
  }
}

/** The user approves all requested scopes. */
async function consent(sandboxUrl: string): Promise<string> {
  const settings = await fetch(`${sandboxUrl}/_sandbox/app`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ optionalScopes: MORE_SCOPES, rateLimit: null, searchRateLimit: null }),
  });
  const app = (await settings.json()) as {
    clientId: string;
    requiredScopes: string[];
    optionalScopes: string[];
  };
  const answer = await fetch(`${sandboxUrl}/oauth/authorize`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({
      client_id: app.clientId,
      redirect_uri: `${SERVER_URL}/oauth-callback`,
      scope: app.requiredScopes.join(' '),
      optional_scope: app.optionalScopes.join(' '),
      portal_id: String(PORTAL),
      decision: 'approve',
    }),
  });
  const code = new URL(answer.headers.get('location') ?? 'none:').searchParams.get('code');
  if (!code) throw new Error(`The sandbox's consent page answered ${answer.status} without a code.`);
  return code;
}

async function makePrivateApp(sandboxUrl: string): Promise<string> {
  const made = await fetch(`${sandboxUrl}/_sandbox/private-app`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ portalId: PORTAL }),
  });
  return ((await made.json()) as { accessToken: string }).accessToken;
}

/** For cases that expect an error of HubSpot. */
export async function refused(status: number, call: Promise<unknown>): Promise<void> {
  const outcome = await call.then(
    () => 'an answer',
    (error) => {
      if (!(error instanceof HubSpotError)) throw error;
      return error.status;
    },
  );
  if (outcome !== status) throw new Error(`expected status ${status}, got ${outcome}`);
}
