import { HubSpotError } from '../../app/hubspot/errors.ts';
import { createHubSpotHttp } from '../../app/hubspot/http.ts';
import { createOAuthApi } from '../../app/hubspot/oauth.ts';
import { createPortalClient } from '../../app/hubspot/portal-client.ts';
import { createLogger } from '../../app/logger.ts';
import { startSandbox } from '../../sandbox/index.ts';
import { type Exchange, startRecordingProxy } from './recording-proxy.ts';

/** Never called: the app itself takes no part. */
const SERVER_URL = 'http://localhost:3000';
const PORTAL = 62515;

/** Every typed service, by the name of its area. */
export type Services = ReturnType<typeof createServices>;

/** What a case has at hand. */
export interface World {
  readonly services: Services;
  /** A fresh authorization code of the portal, as the redirect after consent brings it. */
  code(): Promise<string>;
  /** Those of the portal's install. */
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** A case drives services; how it ends matters only to the case itself. */
export type Cases = Record<string, (world: World) => Promise<unknown>>;

function createServices(apiUrl: string, accessToken: () => string) {
  const http = createHubSpotHttp(apiUrl, createLogger('silent', 'contract'));
  const app = {
    clientId: 'sandbox-client-id',
    clientSecret: 'sandbox-client-secret',
    redirectUri: `${SERVER_URL}/oauth-callback`,
  };
  const token = async () => accessToken();
  return {
    oauth: createOAuthApi(http, app),
    ...createPortalClient(http, { current: token, renewed: token }),
  };
}

/** Runs work against a sandbox of its own in which the app is installed; gives what the services sent and got. */
export async function inWorld(work: (world: World) => Promise<void>): Promise<readonly Exchange[]> {
  const sandbox = await startSandbox({ port: 0, serverUrl: SERVER_URL });
  const proxy = await startRecordingProxy(sandbox.url);
  try {
    const code = () => consent(sandbox.url);
    const { accessToken, refreshToken = '' } = await createServices(sandbox.url, () => '').oauth.exchangeCode(
      await code(),
    );
    await work({ services: createServices(proxy.url, () => accessToken), code, accessToken, refreshToken });
    return proxy.exchanges;
  } finally {
    await proxy.close();
    await sandbox.close();
  }
}

/** The user approves everything that the app may ask for. */
async function consent(sandboxUrl: string): Promise<string> {
  const app = (await (await fetch(`${sandboxUrl}/_sandbox/app`)).json()) as {
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

/** For cases in which HubSpot says no. */
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
