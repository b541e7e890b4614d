import { describe, expect, it } from '@jest/globals';
import { wakeWebhooks } from '../../../app/webhooks/pipeline/wake.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld, type WebhookWorld } from '../../helpers/webhook-world.ts';

const SPLIT = 'split-webhook-deliveries';

describe('a second splitter', () => {
  const inWorld = (test: (world: WebhookWorld) => Promise<void>) =>
    inWebhookWorld([], test, { worker: false });

  const keys = async ({ query }: WebhookWorld) =>
    (await query('select key from graphile_worker.jobs order by key')).map(({ key }) => key);

  const agedBy = ({ query }: WebhookWorld, seconds: number) =>
    query(`update webhook_deliveries set received_at = now() - make_interval(secs => $1)`, [seconds]);

  it('is enqueued when the oldest delivery has waited for a minute and still waits', () =>
    inWorld(async (world) => {
      await world.deliver([anEvent()]);
      await agedBy(world, 61);
      await wakeWebhooks(world.ctx.pool);
      expect(await keys(world)).toEqual([SPLIT, `${SPLIT}:second`]);
    }));

  it('is not enqueued when no delivery has waited long', () =>
    inWorld(async (world) => {
      await world.deliver([anEvent()]);
      // In the future, so that a slow machine cannot make it old.
      await agedBy(world, -3_600);
      await wakeWebhooks(world.ctx.pool);
      expect(await keys(world)).toEqual([SPLIT]);
    }));

  it('is not enqueued when the oldest delivery was split meanwhile, although others have waited long', () =>
    inWorld(async (world) => {
      const { ctx, query, deliver } = world;
      await deliver([anEvent()]);
      await deliver([anEvent()]);
      await until('the splitting to be asked for', async () => (await keys(world)).length === 1);
      await agedBy(world, 61);
      // It has seen the oldest delivery and cannot go on before its job is added.
      const blocker = await ctx.pool.connect();
      await blocker.query('begin');
      await blocker.query('lock table graphile_worker._private_jobs in access exclusive mode');
      const woken = wakeWebhooks(ctx.pool);
      await until('it to wait for its job', async () => {
        const [row] = await query(
          `select exists (select from pg_locks where not granted and database =
             (select oid from pg_database where datname = current_database())) as waits`,
        );
        return row?.waits;
      });
      await query(
        `update webhook_deliveries set state = 'done' where id = (select min(id) from webhook_deliveries)`,
      );
      await blocker.query('rollback');
      blocker.release();
      await woken;
      expect(await query(`select from webhook_deliveries where state = 'waiting'`)).toHaveLength(1);
      expect(await keys(world)).toEqual([SPLIT]);
    }));
});
