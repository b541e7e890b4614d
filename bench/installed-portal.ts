import got from 'got';
import { createLogger } from '../app/base/logger.ts';
import { loadConfig } from '../app/config.ts';
import { createContext } from '../app/context.ts';
import { type Surroundings, settings } from './measure.ts';

const PORTAL = 900_000;

/** A sandbox, and a portal in it that has installed the app; `ctx` calls it without a budget and one by one. */
export async function installPortal({ databaseUrl, start }: Surroundings) {
  const { said } = await start('../sandbox/main.ts', { SANDBOX_PORT: '0' });
  const { url } = said as { url: string };
  const control = (method: string, name: string, json: unknown) =>
    got(`${url}/_sandbox/${name}`, { method: method as 'PUT', json: json as object }).json<{
      results: { portalId: number; accessToken: string; refreshToken: string; expiresIn: number }[];
    }>();
  const env = settings(databaseUrl, url);
  const config = loadConfig({ ...env, HUBSPOT_RATE_LIMIT: '0', HUBSPOT_SEARCH_RATE_LIMIT: '0' });
  const ctx = createContext(config, createLogger('warn', 'bench'), { coalesceCalls: false });
  await control('PUT', 'app', { rateLimit: null, searchRateLimit: null });
  const [install] = (await control('POST', 'portals', { from: PORTAL, count: 1, installed: true })).results;
  if (!install) throw new Error('The sandbox made no portal.');
  const accessTokenExpiresAt = new Date(Date.now() + install.expiresIn * 1000);
  await ctx.installs.store.save(ctx.pool, {
    portalId: PORTAL,
    appId: 193354,
    userId: null,
    userEmail: null,
    hubDomain: null,
    partnerUser: null,
    scopes: config.hubspot.scopes,
    accessToken: install.accessToken,
    refreshToken: install.refreshToken,
    accessTokenExpiresAt,
    refreshDueAt: accessTokenExpiresAt,
  });

  return {
    portalId: PORTAL,
    accessToken: install.accessToken,
    url,
    env,
    config,
    ctx,

    /** Creates contacts. @returns their ids. */
    async createContacts(count: number): Promise<string[]> {
      const created = await ctx
        .hubspotFor(PORTAL)
        .contacts.batchCreate(
          Array.from({ length: count }, (_, at) => ({ properties: { email: `bench${at}@example.com` } })),
        );
      return created.map(({ result }) => result?.id ?? '');
    },

    /** From now on the sandbox has HubSpot's limits. */
    limit: () => control('PUT', 'app', { rateLimit: 110, searchRateLimit: 5 }),
  };
}
