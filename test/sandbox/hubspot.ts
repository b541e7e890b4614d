import { type Sandbox, type SandboxOptions, startSandbox } from '../../sandbox/index.ts';
import { PROJECT } from '../helpers/vendor.ts';

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read bodies of many shapes
  body: any;
}

export const client = { client_id: 'sandbox-client-id', client_secret: 'sandbox-client-secret' };
export const requiredScopes = 'oauth crm.objects.contacts.read crm.objects.contacts.write timeline';
export const eventTypeName = 'ae193354_app-activity';

/** More than the app declares, which the consent page would refuse. */
export const everyScope = [
  'sales-email-read',
  'oauth',
  'timeline',
  'tickets',
  'crm.objects.owners.read',
  'crm.lists.read',
  'crm.lists.write',
  ...['contacts', 'companies', 'deals', 'line_items', 'products', 'quotes', 'custom'].flatMap((plural) =>
    ['objects', 'schemas'].flatMap((part) => [`crm.${part}.${plural}.read`, `crm.${part}.${plural}.write`]),
  ),
];

export type Hubspot = Awaited<ReturnType<typeof startHubspot>>;

/** A sandbox on a free port with the calls that an app and a person make. */
export async function startHubspot(serverUrl = 'http://localhost:9', options: SandboxOptions = {}) {
  const sandbox: Sandbox = await startSandbox({ port: 0, serverUrl, projectFolder: PROJECT, ...options });
  const redirectUri = `${serverUrl}/oauth-callback`;

  async function call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const isForm = body instanceof URLSearchParams;
    const json = body !== undefined && !isForm ? { 'content-type': 'application/json' } : {};
    const response = await fetch(sandbox.url + path, {
      method,
      redirect: 'manual',
      headers: { ...json, ...headers },
      body: body === undefined ? undefined : isForm ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parsed(text) };
  }

  const control = (path: string, body?: unknown) => call(body ? 'POST' : 'GET', `/_sandbox${path}`, body);
  const token = (fields: Record<string, string>, version = '2026-03'): Promise<Answer> =>
    call('POST', `/oauth/${version}/token`, new URLSearchParams({ ...client, ...fields }));

  async function consent(fields: Record<string, string> = {}): Promise<URL> {
    const form = { client_id: client.client_id, redirect_uri: redirectUri, scope: requiredScopes };
    const all = { ...form, portal_id: '62515', decision: 'approve', ...fields };
    const answer = await call('POST', '/oauth/authorize', new URLSearchParams(all));
    return new URL(answer.headers.get('location') ?? `http://none/?status=${answer.status}`);
  }

  const codeFor = async (fields?: Record<string, string>) =>
    (await consent(fields)).searchParams.get('code') ?? '';

  async function install(portalId = 62515, scope = requiredScopes) {
    const code = await codeFor({ portal_id: String(portalId), scope });
    const { body } = await token({ grant_type: 'authorization_code', code, redirect_uri: redirectUri });
    return { access: String(body.access_token), refresh: String(body.refresh_token) };
  }

  /** An account, with the app installed there and every right on the CRM. */
  async function fullAccess(portalId = 62515) {
    const { body } = await control('/portals', { from: portalId, installed: true, scopes: everyScope });
    return { access: String(body.results[0].accessToken) };
  }

  const api = (access: string) => (method: string, path: string, body?: unknown) =>
    call(method, path, body, { authorization: `Bearer ${access}` });

  return {
    url: sandbox.url,
    close: sandbox.close,
    redirectUri,
    call,
    control,
    token,
    consent,
    codeFor,
    install,
    fullAccess,
    api,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
