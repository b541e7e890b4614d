import { expect, it } from '@jest/globals';
import { defineHandler } from '../../app/webhooks/handler.ts';
import { laneOf } from '../../app/webhooks/pipeline/lanes.ts';
import { until } from '../helpers/until.ts';
import { anEvent, inWebhookWorld, type WebhookWorld } from '../helpers/webhook-world.ts';

it('runs a job that the worker has locked without receiving it', () => {
  const handled: number[] = [];
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const handler = defineHandler({
    name: 'held',
    on: 'contact.propertyChange',
    when: { properties: ['phone'] },
    async handle({ objectId }) {
      if (Number(objectId) === 101) await opened;
      handled.push(Number(objectId));
    },
  });
  const other = otherLane(101);
  const test = async (world: WebhookWorld) => {
    await world.deliver([anEvent({ objectId: 101 })]);
    const workerId: string = await until('the worker to be at work', async () => {
      const rows = await world.query(
        `select locked_by from graphile_worker.jobs where task_identifier = 'run-webhook-lane' and locked_by is not null`,
      );
      return rows[0]?.locked_by;
    });
    await world.query(`update graphile_worker._private_jobs set locked_at = now() - interval '1 hour'`);
    // The answer to its question for a job was lost: the job and its queue are locked, and nobody runs it.
    const queue = `webhook-lane:${laneOf(`62515:contact:${other}`)}`;
    await world.query(
      `select graphile_worker.add_job('run-webhook-lane', json_build_object('lane', $2::int), queue_name := $1, run_at := now() + interval '1 day')`,
      [queue, laneOf(`62515:contact:${other}`)],
    );
    await world.query(
      `with lost as (
         update graphile_worker._private_jobs j set run_at = now(), locked_by = $2, locked_at = now() - interval '1 minute'
         from graphile_worker._private_job_queues q where q.id = j.job_queue_id and q.queue_name = $1 returning j.job_queue_id)
       update graphile_worker._private_job_queues q set locked_by = $2, locked_at = now() - interval '1 minute'
       from lost where q.id = lost.job_queue_id`,
      [queue, workerId],
    );
    await world.deliver([anEvent({ objectId: other })]);
    await until('the other lane to be worked', () => handled.includes(other), 30);
    // What the worker does run was left alone, though it takes long.
    const [held] = await world.query(
      `select count(*) from graphile_worker.jobs where locked_by = $1 and locked_at < now() - interval '1 hour'`,
      [workerId],
    );
    expect([handled, held?.count]).toEqual([[other], 1]);
    open();
    await world.settled();
    expect(handled).toEqual([other, 101]);
  };
  // The worker ends when its handlers have.
  return inWebhookWorld([handler], (world) => test(world).finally(open));
}, 60_000);

/** A contact of another lane than this one's. */
function otherLane(objectId: number): number {
  const lane = laneOf(`62515:contact:${objectId}`);
  for (let other = objectId + 1; ; other += 1) if (laneOf(`62515:contact:${other}`) !== lane) return other;
}
