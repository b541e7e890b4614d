import type { SandboxClient } from './sandbox-client.ts';
import { startWorld } from './world.ts';

/** Every CRM scope; the app's own project requests fewer. */
const CRM_SCOPES = [
  'tickets',
  'crm.objects.owners.read',
  'sales-email-read',
  'crm.lists.read',
  'crm.lists.write',
  ...['contacts', 'companies', 'deals', 'line_items', 'products', 'quotes', 'custom'].flatMap((type) =>
    ['objects', 'schemas'].flatMap((part) => [`crm.${part}.${type}.read`, `crm.${part}.${type}.write`]),
  ),
];

/** Rate limits have their own tests. */
const UNLIMITED = { HUBSPOT_RATE_LIMIT: '0', HUBSPOT_SEARCH_RATE_LIMIT: '0' };

export type CrmWorld = Awaited<ReturnType<typeof startCrmWorld>>;

/** A world in which portal 62515 has the app with every CRM scope. */
export async function startCrmWorld() {
  const options = { HUBSPOT_OPTIONAL_SCOPES: CRM_SCOPES.join(' '), ...UNLIMITED };
  const world = await startWorld({ settings: options });
  await world.sandbox.setApp({ optionalScopes: CRM_SCOPES, rateLimit: null, searchRateLimit: null });
  await world.install();

  return {
    ...world,
    hubspot: world.ctx.hubspotFor(62515),

    /** The app's requests to HubSpot's CRM while `work` ran, oldest first. */
    requestsOf: (work: () => Promise<unknown>) => requestsOf(world.sandbox, work),
  };
}

/** The app's requests to the CRM of a sandbox while `work` ran, oldest first. */
export async function requestsOf(
  sandbox: SandboxClient,
  work: () => Promise<unknown>,
): Promise<SentRequest[]> {
  const sent = async (): Promise<SentRequest[]> => (await sandbox.read('requests')).results;
  const before = (await sent()).length;
  await work();
  return (await sent()).slice(before).filter(({ path }) => !path.startsWith('/oauth/'));
}

export interface SentRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: requests of many shapes
  readonly body: any;
  readonly status: number;
}
