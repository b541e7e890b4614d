import { type Command, Option } from 'commander';
import { loadApiPaths, readCommandEnvironment } from '../config.ts';
import { type HubSpotRequest, isUnset } from '../hubspot/client/http.ts';
import { type PortalApis, portalApis } from '../hubspot/portal-apis.ts';
import type { InstallService } from '../installs/index.ts';
import { ProblemError, portalArgument, type Tools } from './command.ts';

export interface PortalOptions {
  readonly portal?: number;
  readonly dryRun?: boolean;
}

/** The options of every command that calls HubSpot for one portal. */
export const withPortalOptions = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--portal <portal>',
        'HubSpot account; optional if only one has installed the app',
      ).argParser(portalArgument),
    )
    .option('--dry-run', 'print the requests without sending them; <…> stands for a value of a response');

/**
 * Calls HubSpot for a portal and prints the result. A dry run prints the requests; nothing is opened or
 * sent. See {@link rehearsed} for work that depends on a response.
 * @param priority `background` for many calls, so that interactive calls take precedence.
 */
export async function callHubSpot<T>(
  { withContext, output }: Tools,
  { portal, dryRun = false }: PortalOptions,
  work: (apis: PortalApis) => Promise<T>,
  show: (result: T) => void,
  priority: 'interactive' | 'background' = 'interactive',
): Promise<void> {
  if (!dryRun) {
    const result = await withContext(async (ctx) =>
      work(ctx.hubspotFor(portal ?? (await onlyPortal(ctx.services.installs)), priority)),
    );
    show(result);
    return;
  }
  const requests: HubSpotRequest[] = [];
  const rehearsal = portalApis(async (request) => {
    requests.push(request);
  }, loadApiPaths(readCommandEnvironment()));
  try {
    await work(rehearsal);
  } catch (error) {
    // A dry run gets no responses, so the work ends at the first response that it needs.
    if (requests.length === 0) throw error;
  }
  const shown = requests.map(({ method, path, query, json }) => ({ method, path, query, body: json }));
  output().done(`${shown.map(asSent).join('\n\n')}\n\nNothing was sent.`, { dryRun: true, requests: shown });
}

/** A value from HubSpot's response; in a dry run `instead`, so that the requests that depend on it are printed as well. */
export async function rehearsed<T>({ dryRun }: PortalOptions, asked: Promise<T>, instead: T): Promise<T> {
  return dryRun ? asked.catch(() => instead) : asked;
}

/** Placeholder in a dry run for a value of HubSpot's response. */
export const placeholder = (what: string) => `<${what}>`;

type Shown = Pick<HubSpotRequest, 'method' | 'path' | 'query'> & { body: unknown };

function asSent({ method, path, query = {}, body }: Shown): string {
  const given = Object.entries(query).filter(([, value]) => !isUnset(value));
  const pairs = given.map(([name, value]) => `${name}=${value}`);
  const line = `${method} ${path}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`;
  return body === undefined ? line : `${line}\n${JSON.stringify(body, null, 2)}`;
}

const PAGE = 500;

async function onlyPortal(installs: Pick<InstallService, 'list'>): Promise<number> {
  const usable: number[] = [];
  for (let after = 0; usable.length < 2; ) {
    const page = await installs.list(after, PAGE);
    const living = page.filter(({ state }) => state === 'active' || state === 'backing_off');
    usable.push(...living.map(({ portalId }) => portalId));
    if (page.length < PAGE) break;
    after = page.at(-1)?.portalId ?? after;
  }
  const [portalId] = usable;
  if (portalId === undefined) {
    throw new ProblemError('No portal has the app installed; open /install of the server to connect one.');
  }
  if (usable.length > 1) {
    const some = usable.slice(0, 5).join(', ');
    const more = usable.length > 5 ? ', …' : '';
    throw new ProblemError(
      `Several portals have the app installed (${some}${more}); choose one with --portal.`,
    );
  }
  return portalId;
}
