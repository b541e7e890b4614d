import { describe, expect, it } from '@jest/globals';
import { sendNow } from '../../../app/timeline/jobs.ts';
import { defineHandler } from '../../../app/webhooks/handler.ts';
import { wakeLanes } from '../../../app/webhooks/pipeline/lanes.ts';
import { anEvent, inWebhookWorld, type WebhookWorld } from '../../helpers/webhook-world.ts';

/**
 * Two transactions that lock the same rows deadlock unless both lock them in the same order. A deadlock needs luck to
 * happen, so these tests look at the order in which rows were written.
 */
describe('rows that several transactions may write at the same time', () => {
  const inWorld = (test: (world: WebhookWorld) => Promise<void>) =>
    inWebhookWorld(
      [
        defineHandler({
          name: 'any',
          on: 'contact.propertyChange',
          when: { properties: ['phone'] },
          async handle() {},
        }),
      ],
      test,
      {
        worker: false,
      },
    );

  it('are written in ascending order when jobs of webhook lanes are added', () =>
    inWorld(async ({ ctx, query }) => {
      await wakeLanes(ctx.pool, [9, 3, 11, 3, 10]);
      expect(await query('select queue_name as queue from graphile_worker.jobs order by id')).toEqual(
        [3, 9, 10, 11].map((lane) => ({ queue: `webhook-lane:${lane}` })),
      );
    }));

  it('are written in the order of their ids when webhook events are added', () =>
    inWorld(async ({ ctx, deliver, query }) => {
      await deliver(Array.from({ length: 40 }, (_, objectId) => anEvent({ objectId: objectId + 1 })));
      await ctx.services.webhooks.split(() => false);
      // ctid is the place of a row in its table: rows of one transaction lie there as they were inserted.
      const ids = (await query('select id from webhook_events order by ctid')).map(({ id }) => id);
      expect(ids).toHaveLength(40);
      expect(ids).toEqual(ids.toSorted());
    }));

  it('are written in the order of their keys when jobs of app events are added', () =>
    inWorld(async ({ ctx, query }) => {
      const keys = Array.from({ length: 40 }, (_, id) => ({
        portalId: 62515,
        eventType: 'login',
        id: String(id),
      }));
      await sendNow(ctx.pool, keys);
      const written = (await query('select key from graphile_worker.jobs order by id')).map(({ key }) => key);
      expect(written).toHaveLength(40);
      expect(written).toEqual(written.toSorted());
    }));
});
