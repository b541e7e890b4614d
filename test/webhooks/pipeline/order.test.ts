import { describe, expect, it } from '@jest/globals';
import { createContext } from '../../../app/context.ts';
import { defineHandler } from '../../../app/webhooks/handler.ts';
import { wakeLanes, wakeSplitter } from '../../../app/webhooks/pipeline/lanes.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld, THEN } from '../../helpers/webhook-world.ts';
import {
  createGate,
  holdDeliveries,
  inParts,
  laneIsRunning,
  laneOfContact,
  neighbourOf,
  onChange,
  scattered,
  split,
  splitterIsQueued,
  withWorkers,
} from './order-helpers.ts';

describe('events of one record', () => {
  it('run in order and one at a time when they arrive in any order, while other records run concurrently', () => {
    const handled = new Map<number, number[]>();
    const running = new Set<number>();
    let mostAtOnce = 0;
    const handler = onChange(async ({ objectId, occurredAt }, { db }) => {
      expect(running).not.toContain(objectId);
      running.add(objectId);
      mostAtOnce = Math.max(mostAtOnce, running.size);
      // Events with and without a transaction keep the order.
      if (occurredAt % 2 === 0) await db.query('select pg_sleep(0.002)');
      handled.set(objectId, [...(handled.get(objectId) ?? []), occurredAt]);
      running.delete(objectId);
    });
    return inWebhookWorld(
      [handler],
      async (world) => {
        const events = Array.from({ length: 600 }, (_, index) =>
          anEvent({ objectId: index % 20, occurredAt: THEN + index, eventId: index }),
        );
        const shuffled = events.toSorted((a, b) => scattered(a.eventId) - scattered(b.eventId));
        await Promise.all(inParts(shuffled, 37).map((part) => world.deliver(part)));
        await withWorkers([world.ctx], () => world.settled());
        expect(handled.size).toBe(20);
        for (const [objectId, order] of handled)
          expect(order).toEqual(Array.from({ length: 30 }, (_, index) => objectId + 20 * index));
        expect(mostAtOnce).toBeGreaterThan(4);
      },
      { worker: false },
    );
  });

  it('run in order when two workers start with a backlog of deliveries', () => {
    const handled = new Map<number, number[]>();
    const handler = onChange(async ({ objectId, occurredAt }) => {
      handled.set(objectId, [...(handled.get(objectId) ?? []), occurredAt]);
    });
    return inWebhookWorld(
      [handler],
      async (world) => {
        const events = Array.from({ length: 4_000 }, (_, index) =>
          anEvent({ objectId: index % 200, occurredAt: THEN + index, eventId: index }),
        );
        const shuffled = events.toSorted((a, b) => scattered(a.eventId, 4_001) - scattered(b.eventId, 4_001));
        await Promise.all(inParts(shuffled, 40).map((part) => world.deliver(part)));
        const another = createContext(world.ctx.config, world.ctx.logger, { webhookHandlers: [handler] });
        await withWorkers([world.ctx, another], () => world.settled());
        await another.close();
        expect(handled.size).toBe(200);
        for (const [objectId, order] of handled)
          expect(order).toEqual(Array.from({ length: 20 }, (_, index) => objectId + 200 * index));
      },
      { worker: false },
    );
  });

  it('run in order when their lane runs while a backlog is waiting', () => {
    const handled: number[] = [];
    const gate = createGate();
    const handler = onChange(async ({ objectId, occurredAt }) => {
      if (objectId === 101) await gate.opened;
      else handled.push(occurredAt);
    });
    return inWebhookWorld(
      [handler],
      async (world) => {
        const [lane, neighbour] = neighbourOf(101);
        const { ctx, deliver, query } = world;
        await deliver([anEvent({ objectId: 101 })]);
        await split(world);
        const atWork = ctx.services.webhooks.runLane(lane, () => false);
        await deliver([anEvent({ objectId: neighbour, occurredAt: THEN + 1 })]);
        // From here on only the lane can wake the splitter.
        await ctx.services.webhooks.receiver.close();
        await query(`select graphile_worker.remove_job('split-webhook-deliveries')`);
        await query(`update webhook_deliveries set received_at = now() - interval '1 minute'`);
        await until('the lane to ask for the splitting', () => splitterIsQueued(world));
        const letGo = await holdDeliveries(world);
        await deliver([anEvent({ objectId: neighbour, occurredAt: THEN + 2 })]);
        await split(world);
        await letGo();
        await split(world);
        await until('both', () => handled.length === 2);
        gate.open();
        await atWork;
        expect(handled).toEqual([1, 2]);
      },
      { worker: false },
    );
  });

  it('run after a time-out when deliveries cannot be split', () => {
    const handled: number[] = [];
    const handler = onChange(async ({ objectId }) => void handled.push(objectId));
    return inWebhookWorld(
      [handler],
      async (world) => {
        await world.deliver([anEvent({ objectId: 101 })]);
        const letGo = await holdDeliveries(world);
        await world.deliver([anEvent({ objectId: 102 })]);
        await withWorkers([world.ctx], async () => {
          await until('the other to be handled', () => handled.includes(102));
          await letGo();
          await wakeSplitter(world.ctx.pool);
          await world.settled();
        });
        expect(handled).toEqual([102, 101]);
      },
      { worker: false, webhookPatienceMs: 200 },
    );
  });

  it('run when the splitter cannot be woken', () => {
    const handled: number[] = [];
    const handler = onChange(async ({ objectId }) => void handled.push(objectId));
    return inWebhookWorld(
      [handler],
      async (world) => {
        const { ctx, deliver, query } = world;
        await deliver([anEvent({ objectId: 101 })]);
        await split(world);
        await deliver([anEvent({ objectId: 102 })]);
        await ctx.services.webhooks.receiver.close();
        await query(`update webhook_deliveries set received_at = now() - interval '1 minute'`);
        await query(`
          create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
          create trigger refuse before insert on graphile_worker._private_jobs
            for each row when (new.key = 'split-webhook-deliveries') execute function refuse()`);
        await ctx.services.webhooks.runLane(laneOfContact(101), () => false);
        expect(handled).toEqual([101]);
      },
      { worker: false, webhookPatienceMs: 100 },
    );
  });

  it('run from the creation to the deletion when all have the same time', () => {
    const handled = new Map<number, string[]>();
    const types = ['contact.deletion', 'contact.propertyChange', 'contact.creation'] as const;
    const handlers = types.map((on) =>
      defineHandler({
        name: on,
        on,
        when: { properties: ['phone'] },
        handle: async ({ objectId }) => {
          const id = Number(objectId);
          handled.set(id, [...(handled.get(id) ?? []), on]);
        },
      }),
    );
    return inWebhookWorld(handlers, async (world) => {
      const ids = Array.from({ length: 20 }, (_, index) => index + 1);
      await world.deliver(
        types.flatMap((subscriptionType) =>
          ids.map((objectId) => anEvent({ subscriptionType, objectId, occurredAt: THEN })),
        ),
      );
      await world.settled();
      const order = types.toReversed();
      expect(handled).toEqual(new Map(ids.map((id) => [id, order])));
    });
  });

  it('run in order when an earlier one arrives while the lane is running', () => {
    const handled: number[] = [];
    const gate = createGate();
    let isUnderWay = false;
    const handler = onChange(async ({ occurredAt }, { db }) => {
      await db.query('select');
      isUnderWay = true;
      if (occurredAt === 1) await gate.opened;
      handled.push(occurredAt);
    });
    return inWebhookWorld([handler], async (world) => {
      await world.deliver([anEvent({ occurredAt: THEN + 1 }), anEvent({ occurredAt: THEN + 3 })]);
      await until('the first to be under way', () => isUnderWay);
      await world.deliver([anEvent({ occurredAt: THEN + 2 })]);
      await until('the late one to be stored', async () => (await world.events(101)).length === 3);
      gate.open();
      await world.settled();
      expect(handled).toEqual([1, 2, 3]);
    });
  });

  it('run without delay when they are split while their lane ends', () => {
    const handled: number[] = [];
    const handler = onChange(async ({ occurredAt }) => void handled.push(occurredAt));
    return inWebhookWorld([handler], async (world) => {
      for (let round = 1; round <= 150; round += 1) {
        await world.deliver([anEvent({ occurredAt: THEN + round })]);
        // Some arrive while the previous one is split or handled, others when its lane has just ended.
        if (round % 3 !== 0)
          await until('the event to be handled', () => handled.length >= round - (round % 3));
      }
      await world.settled();
      expect(handled).toEqual(Array.from({ length: 150 }, (_, index) => index + 1));
    });
  });

  it('do not wait for a slow handler of another record of their lane', () => {
    const handled: number[] = [];
    const gate = createGate();
    const handler = onChange(async ({ objectId }) => {
      if (objectId === 101) await gate.opened;
      handled.push(objectId);
    });
    return inWebhookWorld([handler], async (world) => {
      const [lane, neighbour] = neighbourOf(101);
      await world.deliver([anEvent({ objectId: 101 })]);
      await until('the slow one to be under way', () => laneIsRunning(world, lane));
      await world.deliver([anEvent({ objectId: neighbour })]);
      await until('the neighbour', () => handled.includes(neighbour));
      gate.open();
      await world.settled();
      expect(handled).toEqual([neighbour, 101]);
    });
  });
});

describe('a lane', () => {
  it('runs now when it also has a retry that is due later', () =>
    inWebhookWorld(
      [],
      async ({ ctx, query }) => {
        await wakeLanes(ctx.pool, [3]);
        await wakeLanes(ctx.pool, [3], new Date(Date.now() + 3_600_000));
        const due = await query('select from graphile_worker.jobs where run_at <= now()');
        expect(due).toHaveLength(1);
      },
      { worker: false },
    ));
});
