import { setTimeout as pause } from 'node:timers/promises';
import got from 'got';
import pg from 'pg';
import { createLogger } from '../app/base/logger.ts';
import { loadConfig } from '../app/config.ts';
import { createContext } from '../app/context.ts';
import { wakeWebhooks } from '../app/webhooks/pipeline/wake.ts';
import { rate, type Surroundings, settings, withSurroundings } from './measure.ts';

const PORTAL = 900_000;
/** So many that the first calls, which the empty budget lets through at once, hardly count. */
const TOGETHER = 10_000;
const ALONE = 300;

/**
 * The example handler, which reads the contact and sends an app event, for events of one portal, within HubSpot's real
 * limits: with the calls that wait sent together, and with each sent alone.
 */
export default () => withSurroundings(benchHandlers);

async function benchHandlers({ databaseUrl, start }: Surroundings): Promise<string[]> {
  const { said } = await start('../sandbox/main.ts', { SANDBOX_PORT: '0' });
  const { url } = said as { url: string };
  const control = (method: string, name: string, json: unknown) =>
    got(`${url}/_sandbox/${name}`, { method: method as 'PUT', json: json as object }).json<{
      results: { portalId: number; accessToken: string; refreshToken: string; expiresIn: number }[];
    }>();
  const env = settings(databaseUrl, url);
  const config = loadConfig({ ...env, HUBSPOT_RATE_LIMIT: '0', HUBSPOT_SEARCH_RATE_LIMIT: '0' });
  const ctx = createContext(config, createLogger('warn', 'bench'));
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  try {
    await control('PUT', 'app', { rateLimit: null });
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
      accessTokenExpiresAt,
      refreshDueAt: accessTokenExpiresAt,
      accessToken: install.accessToken,
      refreshToken: install.refreshToken,
    });
    const created = await ctx
      .hubspotFor(PORTAL)
      .contacts.batchCreate(
        Array.from({ length: TOGETHER }, (_, at) => ({ properties: { email: `bench${at}@example.com` } })),
      );
    const ids = created.map(({ result }) => result?.id ?? '');
    await control('PUT', 'app', { rateLimit: 110 });

    const lines: string[] = [];
    for (const [how, events] of [
      ['together', TOGETHER],
      ['alone', ALONE],
    ] as const) {
      await pool.query('truncate webhook_deliveries, webhook_events, timeline_events, call_budgets');
      await deliver(pool, ids.slice(0, events), how);
      const { child } = await start('handlers-worker.ts', env, [how]);
      await wakeWebhooks(ctx.pool);
      const started = performance.now();
      while ((await handled(pool)) < events) await pause(100);
      const seconds = (performance.now() - started) / 1000;
      child.kill('SIGKILL');
      lines.push(`(b) the example handler, one portal, calls sent ${how}: ${rate(events, seconds)} events/s`);
      // The window of HubSpot's limit.
      await pause(11_000);
    }
    return lines;
  } finally {
    await pool.end();
    await ctx.close();
  }
}

/** One change of each contact, in deliveries of a hundred, as the receiver stores them. */
async function deliver(pool: pg.Pool, ids: readonly string[], how: string): Promise<void> {
  for (let from = 0; from < ids.length; from += 100) {
    const events = ids.slice(from, from + 100).map((id, at) => ({
      eventId: from + at,
      subscriptionId: 1,
      portalId: PORTAL,
      appId: 193354,
      occurredAt: Date.now(),
      subscriptionType: 'contact.propertyChange',
      attemptNumber: 0,
      objectId: Number(id),
      changeSource: 'CRM_UI',
      propertyName: 'phone',
      propertyValue: how,
    }));
    await pool.query(`insert into webhook_deliveries (body) values ($1)`, [
      Buffer.from(JSON.stringify(events)),
    ]);
  }
}

async function handled(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query(`select count(*)::int as count from webhook_events where state = 'done'`);
  return rows[0].count;
}
