import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { wakeWebhooks } from '../app/webhooks/pipeline/wake.ts';
import { installPortal } from './installed-portal.ts';
import { rate, type Surroundings, withSurroundings } from './measure.ts';

/** So many that the first calls, which the empty budget lets through at once, hardly count. */
const TOGETHER = 10_000;
const ALONE = 300;

/**
 * The example handler, which reads the contact and sends an app event, for events of one portal, within HubSpot's real
 * limits: with the calls that wait sent together, and with each sent alone.
 */
export default () => withSurroundings(benchHandlers);

async function benchHandlers(surroundings: Surroundings): Promise<string[]> {
  const portal = await installPortal(surroundings);
  const { ctx, env } = portal;
  const pool = new pg.Pool({ connectionString: surroundings.databaseUrl, max: 2 });
  try {
    const ids = await portal.createContacts(TOGETHER);
    await portal.limit();

    const lines: string[] = [];
    for (const [how, events] of [
      ['together', TOGETHER],
      ['alone', ALONE],
    ] as const) {
      await pool.query('truncate webhook_deliveries, webhook_events, timeline_events, call_budgets');
      await deliver(pool, portal.portalId, ids.slice(0, events), how);
      const { child } = await surroundings.start('handlers-worker.ts', env, [how]);
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
async function deliver(pool: pg.Pool, portalId: number, ids: readonly string[], how: string): Promise<void> {
  for (let from = 0; from < ids.length; from += 100) {
    const events = ids.slice(from, from + 100).map((id, at) => ({
      eventId: from + at,
      subscriptionId: 1,
      portalId,
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
