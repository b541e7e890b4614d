import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type Context, createContext } from '../../../app/context.ts';
import { LOCKS } from '../../../app/db/session-locks.ts';
import { startJobRunner } from '../../../app/tasks.ts';
import { defineHandler, type WebhookContext } from '../../../app/webhooks/handler.ts';
import { laneOf, wakeLanes, wakeSplitter } from '../../../app/webhooks/pipeline/lanes.ts';
import { wakeWebhooks } from '../../../app/webhooks/pipeline/wake.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld, THEN, type WebhookWorld } from '../../helpers/webhook-world.ts';

const onChange = (
  handle: (event: { objectId: number; occurredAt: number }, context: WebhookContext) => Promise<void>,
) =>
  defineHandler({
    name: 'ordered',
    on: 'contact.propertyChange',
    when: { properties: ['phone'] },
    handle: ({ objectId, occurredAt = 0 }, context) =>
      handle({ objectId: Number(objectId), occurredAt: occurredAt - THEN }, context),
  });

/** What holds a handler until the test lets it go on. */
function createGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe('events of one record', () => {
  it('run in order of occurrence, one at a time, however they came; those of others run beside them', () => {
    const handled = new Map<number, number[]>();
    const running = new Set<number>();
    let mostAtOnce = 0;
    const handler = onChange(async ({ objectId, occurredAt }, { db }) => {
      expect(running).not.toContain(objectId);
      running.add(objectId);
      mostAtOnce = Math.max(mostAtOnce, running.size);
      // Some write, some do not: both keep the order.
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

  it('run in order of occurrence when two workers find many deliveries that were stored before', () => {
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

  it('run in order of occurrence when their lane is at work while deliveries have long been waiting', () => {
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
        // So that who asks from now on is the lane.
        await ctx.services.webhooks.receiver.close();
        await query(`select graphile_worker.remove_job('split-webhook-deliveries')`);
        await query(`update webhook_deliveries set received_at = now() - interval '1 minute'`);
        await until('the lane to ask for the splitting', () => splittingIsAskedFor(world));
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

  it('do not wait for ever for deliveries that cannot be split', () => {
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

  it('are handled though the splitting of others cannot be asked for', () => {
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

  it('begin with the creation and end with the deletion when all have the same time', () => {
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

  it('run in order of occurrence even when an earlier one comes while others of the lane are being handled', () => {
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

  it('are all handled at once, however their splitting meets the end of their lane', () => {
    const handled: number[] = [];
    const handler = onChange(async ({ occurredAt }) => void handled.push(occurredAt));
    return inWebhookWorld([handler], async (world) => {
      for (let round = 1; round <= 150; round += 1) {
        await world.deliver([anEvent({ occurredAt: THEN + round })]);
        // Some come while the one before is split or handled, others when its lane has just ended.
        if (round % 3 !== 0)
          await until('the event to be handled', () => handled.length >= round - (round % 3));
      }
      await world.settled();
      expect(handled).toEqual(Array.from({ length: 150 }, (_, index) => index + 1));
    });
  });

  it('do not wait for a handler of another record that takes its time, though they share a lane', () => {
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

describe('imports', () => {
  const anImport = (fields: Record<string, unknown>) => anEvent({ changeSource: 'IMPORT', ...fields });

  it('let a normal event pass that comes while thousands of them wait', () => {
    let imports = 0;
    let importsBefore: number | undefined;
    const gate = createGate();
    const handler = onChange(async ({ objectId }) => {
      await gate.opened;
      if (objectId === 5_000) importsBefore = imports;
      else imports += 1;
    });
    return inWebhookWorld([handler], async (world) => {
      const events = Array.from({ length: 3_000 }, (_, index) => anImport({ objectId: index % 600 }));
      for (const part of inParts(events, 100)) await world.deliver(part);
      await until('the imports to be stored', async () => {
        const [row] = await world.query(`select count(*) from webhook_events`);
        return row.count === 3_000;
      });
      await world.deliver([anEvent({ objectId: 5_000 })]);
      await until('the normal one to be stored', async () => (await world.events(5_000)).length === 1);
      gate.open();
      await world.settled();
      expect(imports).toBe(3_000);
      expect(importsBefore).toBeLessThan(1_500);
    });
  });

  it('let normal events pass when many of them failed and are due again, unless of the same record', () => {
    const handled: string[] = [];
    let broken = true;
    const handler = defineHandler({
      name: 'fragile',
      on: 'contact.propertyChange',
      when: { properties: ['phone'] },
      async handle({ objectId, changeSource }) {
        if (broken) throw new Error('the warehouse does not answer');
        handled.push(`${changeSource} ${objectId}`);
      },
    });
    return inWebhookWorld(
      [handler],
      async (world) => {
        const [other, last, ...contacts] = contactsOfOneLane(300);
        for (const part of inParts([...contacts, last], 100))
          await world.deliver(part.map((objectId) => anImport({ objectId })));
        await withWorkers([world.ctx], () => world.settled());
        broken = false;
        await world.deliver([anEvent({ objectId: other }), anEvent({ objectId: last })]);
        await split(world);
        await world.retryNow();
        await withWorkers([world.ctx], () => until('all to be done', () => handled.length === 301));
        const [one, two, three] = handled;
        expect([one, two].toSorted()).toEqual([`CRM_UI ${other}`, `IMPORT ${last}`]);
        expect(three).toBe(`CRM_UI ${last}`);
      },
      { worker: false },
    );
  });

  it('stay in order with the other events of their record', () => {
    const handled = new Map<number, number[]>();
    const handler = onChange(async ({ objectId, occurredAt }) => {
      handled.set(objectId, [...(handled.get(objectId) ?? []), occurredAt]);
    });
    return inWebhookWorld(
      [handler],
      async (world) => {
        const at = (objectId: number, moment: number) => ({ objectId, occurredAt: THEN + moment });
        // Imports first, then a later normal event; the other way round; both in one delivery; and in two at once.
        await world.deliver([anImport(at(1, 1)), anImport(at(1, 2)), anImport(at(1, 4))]);
        await split(world);
        await world.deliver([anEvent(at(1, 3)), anEvent(at(2, 2))]);
        await split(world);
        await world.deliver([anImport(at(2, 1)), anImport(at(2, 3))]);
        await world.deliver([anEvent(at(3, 2)), anImport(at(3, 1)), anImport(at(3, 3))]);
        await split(world);
        await withWorkers([world.ctx], () => world.settled());
        expect(Object.fromEntries(handled)).toEqual({ 1: [1, 2, 3, 4], 2: [1, 2, 3], 3: [1, 2, 3] });
      },
      { worker: false },
    );
  });

  it('no longer stand back when they fail and normal events of their record came meanwhile', () => {
    const gate = createGate();
    let underWay = false;
    const handler = onChange(async (_, { db }) => {
      await db.query('select');
      underWay = true;
      await gate.opened;
      throw new Error('the warehouse does not answer');
    });
    return inWebhookWorld([handler], async (world) => {
      await world.deliver([anImport({ objectId: 101 })]);
      await until('the import to be under way', () => underWay);
      await world.deliver([anEvent({ objectId: 101 })]);
      await until('the normal one to be stored', async () => (await world.events(101)).length === 2);
      gate.open();
      await until('the import to fail', async () => (await world.events(101))[0]?.state === 'retrying');
      expect(await world.query('select distinct priority from webhook_events')).toEqual([{ priority: 0 }]);
    });
  });

  it('do not keep the events of others waiting while one is being handled', () => {
    const handled: number[] = [];
    const gate = createGate();
    let isUnderWay = false;
    const handler = onChange(async ({ objectId }, { db }) => {
      await db.query('select');
      isUnderWay = true;
      if (objectId === 101) await gate.opened;
      handled.push(objectId);
    });
    return inWebhookWorld([handler], async (world) => {
      await world.deliver([anImport({ objectId: 101 })]);
      await until('the import to be under way', () => isUnderWay);
      // The normal event of the same record asks the import to come forward.
      await world.deliver([anEvent({ objectId: 101 }), anEvent({ objectId: 102 })]);
      await until('the other record', () => handled.includes(102));
      gate.open();
      await world.settled();
      expect(handled).toEqual([102, 101, 101]);
    });
  });
});

describe('deliveries', () => {
  it('are split although a worker stands still that has their splitting in hand', () => {
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
          await until('the splitting to be asked for', () => splittingIsAskedFor(world));
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

describe('a lane', () => {
  it('that has work now is not put off by an event that is to be retried later', () =>
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

const split = (world: WebhookWorld) => world.ctx.services.webhooks.split(() => false);

async function withWorkers(contexts: readonly Context[], work: () => Promise<unknown>): Promise<void> {
  const runners = await Promise.all(contexts.map(startJobRunner));
  try {
    await work();
  } finally {
    await Promise.all(runners.map((runner) => runner.stop()));
  }
}

/** Holds what was delivered so that nobody splits it. @returns what lets it go. */
async function holdDeliveries({ ctx }: WebhookWorld): Promise<() => Promise<void>> {
  const tx = await ctx.pool.connect();
  await tx.query('begin');
  await tx.query('select from webhook_deliveries for update');
  return async () => {
    await tx.query('rollback');
    tx.release();
  };
}

async function laneIsRunning({ query }: WebhookWorld, lane: number): Promise<boolean> {
  const rows = await query(
    'select from graphile_worker.jobs where queue_name = $1 and locked_at is not null',
    [`webhook-lane:${lane}`],
  );
  return rows.length > 0;
}

async function splittingIsAskedFor({ query }: WebhookWorld): Promise<boolean> {
  const rows = await query(
    `select from graphile_worker.jobs where task_identifier = 'split-webhook-deliveries'`,
  );
  return rows.length > 0;
}

const laneOfContact = (objectId: number) => laneOf(`62515:contact:${objectId}`);

/** The lane of a contact, and another contact of that lane. */
function neighbourOf(objectId: number): [number, number] {
  const lane = laneOfContact(objectId);
  for (let other = objectId + 1; ; other += 1) if (laneOfContact(other) === lane) return [lane, other];
}

function contactsOfOneLane(count: number): number[] {
  const contacts: number[] = [];
  for (let id = 1; contacts.length < count; id += 1) if (laneOfContact(id) === 0) contacts.push(id);
  return contacts;
}

const scattered = (index: number, size = 601) => (index * 7_919) % size;

function inParts<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, part) =>
    items.slice(part * size, (part + 1) * size),
  );
}
