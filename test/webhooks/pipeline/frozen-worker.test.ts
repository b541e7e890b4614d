import { describe, it } from '@jest/globals';
import pg from 'pg';
import { LOCKS } from '../../../app/db/session-locks.ts';
import { wakeWebhooks } from '../../../app/webhooks/pipeline/wake.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld } from '../../helpers/webhook-world.ts';
import { onChange, splitterIsQueued, withWorkers } from './order-helpers.ts';

describe('deliveries', () => {
  it('are split when the worker that was splitting is frozen', () => {
    const handled: number[] = [];
    const handler = onChange(async ({ objectId }) => void handled.push(objectId));
    return inWebhookWorld(
      [handler],
      async (world) => {
        const { ctx, deliver, query } = world;
        const frozen = new pg.Client(world.database.url);
        await frozen.connect();
        try {
          await deliver([anEvent({ objectId: 101 })]);
          await query(`update webhook_deliveries set received_at = now() - interval '2 minutes'`);
          await until('the splitting to be asked for', () => splitterIsQueued(world));
          await frozen.query('select pg_advisory_lock($1, hashtext($2))', [
            LOCKS.workerAlive,
            'worker-frozen',
          ]);
          await query(
            `update graphile_worker._private_job_queues set locked_by = 'worker-frozen', locked_at = now()
             where queue_name = 'split-webhook-deliveries'`,
          );
          await withWorkers([ctx], async () => {
            await wakeWebhooks(ctx.pool);
            await until('the event to be handled', () => handled.length === 1);
          });
        } finally {
          await frozen.end();
        }
      },
      { worker: false },
    );
  });
});
