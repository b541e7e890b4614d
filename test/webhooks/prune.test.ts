import { describe, expect, it } from '@jest/globals';
import { enqueue } from '../../app/queue/enqueue.ts';
import { webhookJobs } from '../../app/webhooks/index.ts';
import { pruneWebhooks } from '../../app/webhooks/prune.ts';
import { until } from '../helpers/until.ts';
import { inWebhookWorld, type WebhookWorld } from '../helpers/webhook-world.ts';

describe('pruning of webhooks and app events', () => {
  const DAY = '1 day';

  async function fill({ query }: WebhookWorld, count: number) {
    for (const [state, age] of [
      ['done', 31],
      ['ignored', 31],
      ['unknown', 31],
      ['erased', 31],
      ['waiting', 31],
      ['retrying', 31],
      ['dead', 31],
      ['done', 29],
    ] as const) {
      await query(
        `insert into webhook_events
           (id, portal_id, record, subscription_type, lane, priority, occurred_at, state, run_at, received_at)
         select gen_random_uuid(), 1, 'r' || n, 't', 0, 0, n, $1, now() + interval '9 days', now() - $2 * interval '${DAY}'
         from generate_series(1, case when $1 = 'done' then $3::int else 10 end) n`,
        [state, age, count],
      );
    }
    for (const [state, age] of [
      ['done', 31],
      ['rejected', 31],
      ['waiting', 31],
      ['done', 29],
    ] as const) {
      await query(
        `insert into webhook_deliveries (state, received_at, body)
         select $1, now() - $2 * interval '${DAY}', ''
         from generate_series(1, case when $1 = 'done' then $3::int else 10 end)`,
        [state, age, count],
      );
    }
  }

  const left = async ({ query }: WebhookWorld) => ({
    events: await query(`select state, count(*) from webhook_events group by state order by state`),
    deliveries: await query('select state, count(*) from webhook_deliveries group by state order by state'),
  });

  it('deletes settled rows page by page, and keeps unhandled events and dead letters', () =>
    inWebhookWorld(
      [],
      async (world) => {
        await fill(world, 6_000);
        const before = new Date(Date.now() - 30 * 24 * 60 * 60 * 1000);
        // Stops after the first page.
        let asked = 0;
        await pruneWebhooks(world.ctx.pool, before, () => asked++ > 0);
        expect((await left(world)).events.reduce((sum, { count }) => sum + count, 0)).toBe(12_060 - 1_000);
        await world.query(
          `insert into timeline_events (portal_id, event_type, id, state, sent_at) values
             (1, 't', 'old', 'sent', now() - interval '31 days'),
             (1, 't', 'new', 'sent', now() - interval '29 days'),
             (1, 't', 'refused', 'refused', null), (1, 't', 'waiting', 'waiting', null);
           insert into timeline_events (portal_id, event_type, id, state, created_at) values
             (1, 't', 'once refused', 'refused', now() - interval '31 days'),
             (1, 't', 'long waiting', 'waiting', now() - interval '400 days')`,
        );
        await world.ctx.services.webhooks.prune(() => false);
        await world.ctx.services.timeline.prune(() => false);
        expect(await world.query('select id from timeline_events order by id')).toEqual([
          { id: 'long waiting' },
          { id: 'new' },
          { id: 'refused' },
          { id: 'waiting' },
        ]);
        expect(await left(world)).toEqual({
          events: [
            { state: 'dead', count: 10 },
            { state: 'done', count: 6_000 },
            { state: 'retrying', count: 10 },
            { state: 'waiting', count: 10 },
          ],
          deliveries: [
            { state: 'done', count: 6_000 },
            { state: 'waiting', count: 10 },
          ],
        });
      },
      { worker: false },
    ));

  it('uses WEBHOOK_RETENTION_DAYS', () =>
    inWebhookWorld(
      [],
      async (world) => {
        await fill(world, 10);
        await enqueue(world.ctx.pool, webhookJobs.prune, {}, {});
        await until('the old ones to go', async () =>
          (await left(world)).deliveries.every(({ state }) => state === 'waiting'),
        );
        expect((await left(world)).events.map(({ state }) => state)).toEqual(['dead', 'retrying', 'waiting']);
      },
      { settings: { WEBHOOK_RETENTION_DAYS: '20' } },
    ));
});
