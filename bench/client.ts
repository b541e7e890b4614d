import got from 'got';
import { createLogger } from '../app/base/logger.ts';
import { loadConfig } from '../app/config.ts';
import { createContext } from '../app/context.ts';
import { count, inTurn, rate, ratio, type Surroundings, settings, withSurroundings } from './measure.ts';

const CALLS = 2_000;
const AT_ONCE = 8;
const ROUNDS = 5;
const CONTACTS = 100_000;

/** A budget in which each call reserves its place and none has to wait for it. */
const NEVER_FULL = { calls: 1_000, windowMs: 100, untilAnswered: false };

/**
 * A service call against bare got on the same sandbox route, in turn in one run: without the call budget, and with one
 * that is never full, as HubSpot's own would hold all to eleven calls a second. And memory while iterating 100,000
 * contacts.
 */
export default () => withSurroundings(benchClient);

async function benchClient({ databaseUrl, start }: Surroundings): Promise<string[]> {
  const { said } = await start('../sandbox/main.ts', { SANDBOX_PORT: '0' });
  const { url } = said as { url: string };
  const control = (method: string, name: string, json: unknown) =>
    got(`${url}/_sandbox/${name}`, { method: method as 'PUT', json: json as object }).json<{
      results: { portalId: number; accessToken: string; refreshToken: string; expiresIn: number }[];
    }>();
  await control('PUT', 'app', { rateLimit: null, searchRateLimit: null });
  const [install] = (await control('POST', 'portals', { from: 900_000, count: 1, installed: true })).results;
  if (!install) throw new Error('The sandbox made no portal.');
  const config = loadConfig({
    ...settings(databaseUrl, url),
    HUBSPOT_RATE_LIMIT: '0',
    HUBSPOT_SEARCH_RATE_LIMIT: '0',
  });
  const logger = createLogger('warn', 'bench');
  const ctx = createContext(config, logger);
  const limits = { ...config.hubspot.limits, general: NEVER_FULL };
  const budgeted = createContext({ ...config, hubspot: { ...config.hubspot, limits } }, logger);
  try {
    const accessTokenExpiresAt = new Date(Date.now() + install.expiresIn * 1000);
    await ctx.installs.store.save(ctx.pool, {
      portalId: install.portalId,
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
    const hubspot = ctx.hubspotFor(install.portalId);
    const { contact } = await hubspot.contacts.createOrUpdate('bench@example.com', { firstname: 'Bench' });
    const route = `${url}/crm/objects/2026-09/contacts/${contact.id}?properties=email%2Cfirstname`;
    const headers = { authorization: `Bearer ${install.accessToken}` };

    const withBudget = budgeted.hubspotFor(install.portalId);
    const [service, reserving, bare] = await inTurn(
      ROUNDS,
      () => timed(() => hubspot.contacts.get(contact.id, ['email', 'firstname'])),
      () => timed(() => withBudget.contacts.get(contact.id, ['email', 'firstname'])),
      () => timed(() => got(route, { headers, retry: { limit: 0 } }).json()),
    );
    const lines = [
      `service call ${rate(CALLS, service)} calls/s, bare got ${rate(CALLS, bare)} calls/s: ratio ${ratio(service, bare)}`,
      `with a place in the budget for each call ${rate(CALLS, reserving)} calls/s: ratio ${ratio(reserving, bare)}`,
    ];

    for (let made = 0; made < CONTACTS; made += 100) {
      const inputs = Array.from({ length: 100 }, (_, at) => ({
        properties: { email: `c${made + at}@example.com`, firstname: `First ${made + at}` },
      }));
      await got.post(`${url}/crm/objects/2026-09/contacts/batch/create`, { headers, json: { inputs } });
    }
    const memory: number[] = [];
    let seen = 0;
    for await (const _ of hubspot.contacts.list({ limit: 100 })) {
      seen += 1;
      if (seen % 10_000 === 0) {
        globalThis.gc?.();
        memory.push(Math.round(process.memoryUsage().rss / 1024 / 1024));
      }
    }
    lines.push(
      `iterating ${count(seen)} contacts: ${memory[0]} MB after 10,000, ${memory.at(-1)} MB at the end`,
    );
    return lines;
  } finally {
    await budgeted.close();
    await ctx.close();
  }
}

/** Seconds for CALLS calls, some at once. */
async function timed(call: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let left = CALLS;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left > 0) {
        left -= 1;
        await call();
      }
    }),
  );
  return (performance.now() - started) / 1000;
}
