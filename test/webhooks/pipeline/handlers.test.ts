import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import {
  defineHandler,
  type SubscriptionType,
  type WebhookContext,
  type WebhookHandler,
} from '../../../app/webhooks/handler.ts';
import { laneOf } from '../../../app/webhooks/pipeline/lanes.ts';
import { createMemoryLog } from '../../helpers/memory-log.ts';
import { startProcess } from '../../helpers/processes.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld, type WebhookWorld } from '../../helpers/webhook-world.ts';
import { EFFECTS_TABLE } from './effects-worker.ts';

type Handle = (objectId: number, context: WebhookContext) => Promise<void>;

/** A handler for changes of contacts. */
const onChange = (name: string, handle: Handle) =>
  defineHandler({
    name,
    on: 'contact.propertyChange',
    handle: (event, context) => handle(Number(event.objectId), context),
  });

/** A contact from 200 on that shares the lane of this one. */
function neighbourOf(objectId: number): number {
  const lane = (id: number) => laneOf(`62515:contact:${id}`);
  for (let other = 200 + objectId; ; other += 1) if (lane(other) === lane(objectId)) return other;
}

describe('what the account has granted', () => {
  it('is told to a handler that asks', async () => {
    const told: unknown[] = [];
    const asks = onChange('asks', async (_objectId, { install }) => {
      const { has, portalId } = await install();
      told.push([portalId, has('timeline'), has('e-commerce')]);
    });
    await inWebhookWorld([asks], async ({ deliver, settled, install }) => {
      expect((await install()).status).toBe(200);
      await deliver([anEvent()]);
      await settled();
      expect(told).toEqual([[62515, true, false]]);
    });
  });
});

describe('which handlers run', () => {
  it('are those of the event’s type, in the order of the registry, each with the event and its context', () => {
    const ran: string[] = [];
    const contexts: WebhookContext[] = [];
    const handlers = [
      defineHandler({
        name: 'first',
        on: 'contact.propertyChange',
        async handle({ objectId, propertyName, propertyValue }, context) {
          ran.push(`first ${objectId} ${propertyName satisfies string}=${propertyValue}`);
          contexts.push(context);
        },
      }),
      defineHandler({
        name: 'merged',
        on: 'company.merge',
        handle: async ({ primaryObjectId, mergedObjectIds }) => {
          ran.push(
            `merged ${primaryObjectId satisfies number | string} ${(mergedObjectIds satisfies readonly (number | string)[]).join()}`,
          );
        },
      }),
      onChange('second', async (objectId) => void ran.push(`second ${objectId}`)),
    ];
    return inWebhookWorld(handlers, async ({ deliver, settled, query }) => {
      const change = anEvent({ propertyName: 'email', propertyValue: 'a@example.com' });
      await deliver([change, anEvent({ subscriptionType: 'deal.creation' })]);
      await settled();
      await deliver([
        anEvent({
          subscriptionType: 'company.merge',
          objectId: 7,
          primaryObjectId: 7,
          mergedObjectIds: [8, 9],
        }),
      ]);
      await settled();
      expect(ran).toEqual(['first 101 email=a@example.com', 'second 101', 'merged 7 8,9']);

      const [context] = contexts;
      expect(context).toMatchObject({ attempt: 1, eventId: expect.stringMatching(/^[\da-f-]{36}$/) });
      expect(context?.signal.aborted).toBe(false);
      expect(context?.hubspot.contacts.get).toBeInstanceOf(Function);
      const rows = await query(
        'select state, subscription_type as type from webhook_events order by occurred_at',
      );
      expect(rows).toEqual([
        { state: 'done', type: 'contact.propertyChange' },
        { state: 'ignored', type: 'deal.creation' },
        { state: 'done', type: 'company.merge' },
      ]);
    });
  });

  it('are those whose conditions all hold', () => {
    const ran: string[] = [];
    type When<Type extends SubscriptionType> = WebhookHandler<Type>['when'];
    const noting = (name: string) => ({ name, handle: async () => void ran.push(name) });
    const onChanged = (name: string, when: When<'contact.propertyChange'>) =>
      defineHandler({ ...noting(name), on: 'contact.propertyChange', when });
    const onCreated = (name: string, when: When<'object.creation'>) =>
      defineHandler({ ...noting(name), on: 'object.creation', when });
    const handlers = [
      onChanged('phone', { properties: ['phone', 'mobile'] }),
      onChanged('api', { changeSources: ['API', 'INTEGRATION'] }),
      onChanged('phone by api', { properties: ['phone'], changeSources: ['API'] }),
      onCreated('api', { changeSources: ['API', 'INTEGRATION'] }),
      onCreated('deals', { objectTypeIds: ['0-3'] }),
      onCreated('deals by api', { objectTypeIds: ['0-3'], changeSources: ['API'] }),
    ];
    return inWebhookWorld(handlers, async ({ deliver, settled, query }) => {
      const run = async (fields: Record<string, unknown>) => {
        ran.length = 0;
        await deliver([anEvent(fields)]);
        await settled();
        return ran.slice();
      };
      expect(await run({ propertyName: 'mobile' })).toEqual(['phone']);
      expect(await run({ propertyName: 'phone', changeSource: 'API' })).toEqual([
        'phone',
        'api',
        'phone by api',
      ]);
      expect(await run({ propertyName: 'email', changeSource: 'INTEGRATION' })).toEqual(['api']);
      expect(await run({ propertyName: 'email' })).toEqual([]);
      const created = { subscriptionType: 'object.creation', propertyName: undefined };
      expect(await run({ ...created, objectTypeId: '0-3' })).toEqual(['deals']);
      expect(await run({ ...created, objectTypeId: '0-1' })).toEqual([]);
      expect(await run({ ...created, objectTypeId: '0-3', changeSource: 'API' })).toEqual([
        'api',
        'deals',
        'deals by api',
      ]);
      const states = await query('select state, count(*) from webhook_events group by state order by state');
      expect(states).toEqual([
        { state: 'done', count: 5 },
        { state: 'ignored', count: 2 },
      ]);
    });
  });

  it('hear of installs and uninstalls, once each', () => {
    const heard: string[] = [];
    const handlers = (['app.installed', 'app.uninstalled'] as const).map((on) =>
      defineHandler({
        name: on,
        on,
        handle: async ({ portalId, objectId }) => void heard.push(`${on} ${portalId} ${objectId}`),
      }),
    );
    return inWebhookWorld(handlers, async (world) => {
      expect((await world.install(62515)).status).toBe(200);
      await world.settled();
      expect((await world.api('DELETE', '/hubid/62515')).status).toBe(200);
      await world.settled();
      expect((await world.install(62515)).status).toBe(200);
      await world.settled();
      const [first, ...others] = heard;
      const [, , install] = first?.split(' ').map(Number) ?? [];
      expect(first).toBe(`app.installed 62515 ${install}`);
      expect(others).toEqual([
        `app.uninstalled 62515 ${install}`,
        `app.installed 62515 ${Number(install) + 1}`,
      ]);
    });
  });
});

describe('an event whose handler throws', () => {
  it('is tried again later, holds its record’s next events and nobody else’s', () => {
    const ran: string[] = [];
    let broken = true;
    const handler = onChange('fragile', async (objectId, { attempt }) => {
      ran.push(`${objectId} attempt ${attempt}`);
      if (objectId === 101 && broken) throw new Error('the warehouse does not answer');
    });
    return inWebhookWorld([handler], async ({ deliver, settled, events, retryNow }) => {
      const before = Date.now();
      await deliver([anEvent(), anEvent(), anEvent({ objectId: 102 }), anEvent({ objectId: 102 })]);
      await settled();
      expect(ran.toSorted()).toEqual(['101 attempt 1', '102 attempt 1', '102 attempt 1']);
      expect(await events(101)).toMatchObject([
        { state: 'retrying', attempts: 1, last_error: 'the warehouse does not answer', done_at: null },
        { state: 'waiting', attempts: 0, last_error: null },
      ]);
      const [{ run_at }] = await events(101);
      expect(run_at.getTime() - before).toBeGreaterThan(1_000);
      expect(run_at.getTime() - Date.now()).toBeLessThan(20_000);

      ran.length = 0;
      const beforeRetry = Date.now();
      await retryNow();
      await until('the second attempt', async () => (await events(101))[0].attempts === 2);
      const [{ run_at: later }] = await events(101);
      expect(later.getTime()).toBeGreaterThan(beforeRetry + 1_000);

      broken = false;
      await retryNow();
      await until('all to be done', async () => (await events(101)).every(({ state }) => state === 'done'));
      expect(ran).toEqual(['101 attempt 2', '101 attempt 3', '101 attempt 1']);
      expect((await events(101))[0]).toMatchObject({ attempts: 3, run_at: null });
    });
  });

  it('is parked as dead after ten attempts, and its record’s next events go on', () => {
    const ran: number[] = [];
    const handler = onChange('hopeless', async (_, { attempt }) => {
      ran.push(attempt);
      if (ran.length <= 10) throw new Error(`attempt ${attempt} failed`);
    });
    return inWebhookWorld([handler], async ({ deliver, events, retryNow }) => {
      await deliver([anEvent(), anEvent()]);
      for (let attempt = 1; attempt <= 9; attempt += 1) {
        await until(`attempt ${attempt}`, async () => (await events(101))[0]?.attempts === attempt);
        await retryNow();
      }
      await until('the next event', async () => (await events(101))[1].state === 'done');
      expect(await events(101)).toMatchObject([
        {
          state: 'dead',
          attempts: 10,
          last_error: 'attempt 10 failed',
          run_at: null,
          event: { objectId: 101 },
        },
        { state: 'done', attempts: 1 },
      ]);
      expect(ran).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1]);
    });
  });

  it('is tried again whatever it throws, and holds nobody but its record', () => {
    const thrown = [
      Object.assign(new Error('asks for ages'), { retryAfter: 1e13 }),
      Object.assign(new Error(), { message: { code: 7 } }),
      Object.defineProperty(new Error(), 'message', {
        get() {
          throw new Error('no message');
        },
      }),
      Object.assign(new Error('asks for what is no number'), { retryAfter: Symbol('soon') }),
      Object.create(null),
      null,
      undefined,
      'text \0 \ud83d',
    ];
    const ran: number[] = [];
    const handler = onChange('odd', async (objectId) => {
      ran.push(objectId);
      if (objectId < 200) throw thrown[objectId - 100];
    });
    return inWebhookWorld([handler], async ({ deliver, query, settled }) => {
      const objectIds = thrown.map((_, index) => 100 + index);
      // All of one lane could be stopped by any of them.
      const neighbours = objectIds.map((objectId) => neighbourOf(objectId));
      await deliver([...objectIds, ...neighbours].map((objectId) => anEvent({ objectId })));
      await settled();
      expect(ran.toSorted((a, b) => a - b)).toEqual([...objectIds, ...neighbours].toSorted((a, b) => a - b));
      const failed = await query(
        `select state, attempts, last_error, run_at < now() + interval '25 hours' as soon
         from webhook_events where (event->>'objectId')::int < 200 order by occurred_at`,
      );
      const unrecordable = 'The handler odd failed with an error that cannot be recorded.';
      const noError = 'The handler odd threw what is not an Error:';
      const reasons = [
        'asks for ages',
        '[object Object]',
        unrecordable,
        unrecordable,
        unrecordable,
        `${noError} null`,
        `${noError} undefined`,
        `${noError} text  \ufffd`,
      ];
      expect(failed).toEqual(
        reasons.map((last_error) => ({ state: 'retrying', attempts: 1, last_error, soon: true })),
      );
    });
  });

  it('fails its attempt, and the worker goes on, when the handler is not async', () => {
    // What a vendor writes in JavaScript, or casts: the compiler refuses it.
    const failing = (name: string, failingId: number, fail: () => void) =>
      onChange(name, ((objectId) => (objectId === failingId ? fail() : Promise.resolve())) as Handle);
    const handlers = [
      failing('returns-nothing', 101, () => {}),
      failing('throws-at-once', 102, () => {
        throw new Error('no stock');
      }),
      failing('throws-undefined', 103, () => {
        throw undefined;
      }),
    ];
    return inWebhookWorld(handlers, async ({ deliver, settled, events }) => {
      await deliver([101, 102, 103, 104].map((objectId) => anEvent({ objectId })));
      await settled();
      expect(await events(101)).toMatchObject([{ state: 'retrying', attempts: 1 }]);
      expect((await events(101))[0].last_error).toContain('The handler returns-nothing returned no promise');
      expect(await events(102)).toMatchObject([{ state: 'retrying', last_error: 'no stock' }]);
      expect((await events(103))[0].last_error).toContain('The handler throws-undefined threw');
      expect(await events(104)).toMatchObject([{ state: 'done' }]);
    });
  });

  it.each<[string, Handle, string]>([
    ['rejects', () => Promise.reject(new Error('no stock')), 'no stock'],
    ['never ends', () => new Promise(() => {}), 'The handler reports had not ended after 1 seconds.'],
    [
      'keeps quiet about a failed statement',
      async (_, { db }) => void (await db.query('select 1 / 0').catch(() => undefined)),
      expect.stringContaining('transaction is aborted') as unknown as string,
    ],
  ])(
    'is logged with handler, type, event and next attempt when the handler %s',
    async (_, handle, message) => {
      const { logger, lines } = createMemoryLog();
      await inWebhookWorld(
        [onChange('reports', handle)],
        async ({ deliver, query }) => {
          await deliver([anEvent()]);
          const line = await until('the line', () => lines.find(({ msg }) => msg.includes('handler failed')));
          const [{ id }] = await query('select id from webhook_events');
          expect(line).toMatchObject({
            ...{ level: 40, handler: 'reports', subscriptionType: 'contact.propertyChange', portalId: 62515 },
            ...{ attempt: 1, eventId: id, retryAt: expect.any(String), err: { message } },
          });
        },
        { logger, webhookHandlerMs: 1_000 },
      );
    },
  );

  it('is logged with handler, type and event when it is dead', async () => {
    const { logger, lines } = createMemoryLog();
    const handler = onChange('reads', async (objectId, { hubspot }) => {
      await hubspot.contacts.get(String(objectId));
    });
    await inWebhookWorld(
      [handler],
      async ({ deliver, settled }) => {
        // Without an install no later attempt can succeed.
        await deliver([anEvent({ portalId: 62599 })]);
        await settled();
        const line = lines.find(({ msg }) => msg.includes('now a dead letter'));
        expect(line).toMatchObject({
          ...{ level: 50, handler: 'reads', subscriptionType: 'contact.propertyChange', portalId: 62599 },
          ...{ attempt: 1, eventId: expect.any(String) },
        });
        expect(line).not.toHaveProperty('retryAt');
      },
      { logger },
    );
  });

  it('keeps what was thrown though the database could not take it at first', () => {
    const handler = onChange('fails', () => Promise.reject(new Error('the warehouse does not answer')));
    return inWebhookWorld([handler], async ({ deliver, query, events, retryNow }) => {
      await query(`
        create sequence tries;
        create function refuse() returns trigger language plpgsql as $$ begin
          if nextval('tries') = 1 then raise exception 'no'; end if;
          return new;
        end $$;
        create trigger refuse before update on webhook_events
          for each row when (new.state = 'retrying') execute function refuse()`);
      await deliver([anEvent()]);
      const failed = await until('the failure to be recorded', async () => {
        await retryNow();
        return (await events(101)).find(({ state }) => state === 'retrying');
      });
      expect(failed.last_error).toBe('the warehouse does not answer');
    });
  });

  it('is dead at once when the portal’s consent is missing, for no later attempt can succeed', () => {
    const handler = onChange('reads', async (objectId, { hubspot }) => {
      await hubspot.contacts.get(String(objectId));
    });
    return inWebhookWorld([handler], async ({ deliver, settled, events }) => {
      await deliver([anEvent({ portalId: 62599 })]);
      await settled();
      expect(await events(101)).toMatchObject([{ state: 'dead', attempts: 1 }]);
    });
  });
});

describe('what a handler writes through its context', () => {
  const withEffects = async (world: WebhookWorld) => {
    await world.query('create table effects (event_id uuid, attempt int, note text)');
  };
  const write = ({ db, eventId, attempt }: WebhookContext, note = '') =>
    db.query('insert into effects values ($1, $2, $3)', [eventId, attempt, note]);

  it('is committed together with the mark that the event is done', () => {
    let commit = () => {};
    const mayCommit = new Promise<void>((resolve) => {
      commit = resolve;
    });
    const handler = onChange('writes', async (_, context) => {
      await write(context);
      await mayCommit;
    });
    return inWebhookWorld([handler], async (world) => {
      await withEffects(world);
      await world.deliver([anEvent()]);
      await until('the write', async () => (await openTransactions(world)) === 1);
      expect(await world.query('select from effects')).toHaveLength(0);
      expect(await world.events(101)).toMatchObject([{ state: 'waiting' }]);
      commit();
      await world.settled();
      expect(await world.query('select attempt from effects')).toEqual([{ attempt: 1 }]);
      expect(await world.events(101)).toMatchObject([{ state: 'done', attempts: 1 }]);
    });
  });

  it('is undone when the handler throws, and done by the attempt that ends', () => {
    const handler = onChange('writes', async (_, context) => {
      await write(context);
      if (context.attempt < 3) throw new Error('after the write');
    });
    return inWebhookWorld([handler], async (world) => {
      await withEffects(world);
      await world.deliver([anEvent()]);
      for (const attempt of [1, 2]) {
        await until('the attempt', async () => (await world.events(101))[0]?.attempts === attempt);
        expect(await world.query('select from effects')).toHaveLength(0);
        await world.retryNow();
      }
      await world.settled();
      await until('the last attempt', async () => (await world.events(101))[0].state === 'done');
      expect(await world.query('select attempt from effects')).toEqual([{ attempt: 3 }]);
      expect(await openTransactions(world)).toBe(0);
    });
  });

  it('is undone when a later handler of the event throws', () => {
    let broken = true;
    const handlers = [
      onChange('writes', async (_, context) => void (await write(context, 'first'))),
      onChange('throws', async () => {
        if (broken) throw new Error('the second handler');
      }),
      onChange('writes too', async (_, context) => void (await write(context, 'third'))),
    ];
    return inWebhookWorld(handlers, async (world) => {
      await withEffects(world);
      await world.deliver([anEvent()]);
      await world.settled();
      expect(await world.query('select from effects')).toHaveLength(0);
      broken = false;
      await world.retryNow();
      await until('the event', async () => (await world.events(101))[0].state === 'done');
      expect(await world.query('select note from effects')).toEqual([{ note: 'first' }, { note: 'third' }]);
    });
  });

  it('is undone when a statement failed, also when the handler keeps quiet about it', () => {
    const handler = onChange('writes', async (_, context) => {
      await write(context);
      if (context.attempt === 1) await context.db.query('select 1 / 0').catch(() => undefined);
    });
    return inWebhookWorld([handler], async (world) => {
      await withEffects(world);
      await world.deliver([anEvent()]);
      await world.settled();
      expect(await world.query('select from effects')).toHaveLength(0);
      expect(await world.events(101)).toMatchObject([{ state: 'retrying', attempts: 1 }]);
      await world.retryNow();
      await until('the event', async () => (await world.events(101))[0].state === 'done');
      expect(await world.query('select attempt from effects')).toEqual([{ attempt: 2 }]);
    });
  });

  it('is refused once the handler has ended', () => {
    let late: Promise<unknown> | undefined;
    let goOn = () => {};
    const later = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const handler = onChange('forgets to wait', async (_, context) => {
      await write(context);
      late = later.then(() => write(context));
    });
    return inWebhookWorld([handler], async (world) => {
      await withEffects(world);
      await world.deliver([anEvent()]);
      await world.settled();
      goOn();
      await expect(late).rejects.toThrow('must await its statements');
      expect(await world.query('select from effects')).toHaveLength(1);
    });
  });

  it('is done once by two workers that have the same event before them', () => {
    let running = 0;
    let goOn = () => {};
    const bothRun = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const handler = onChange('writes', async (_, context) => {
      running += 1;
      await bothRun;
      await write(context);
    });
    return inWebhookWorld(
      [handler],
      async (world) => {
        await withEffects(world);
        await world.deliver([anEvent()]);
        await world.ctx.services.webhooks.split(() => false);
        const [{ lane }] = await world.query('select lane from webhook_events');
        // As when one was taken for dead and was only held up.
        const workers = [1, 2].map(() => world.ctx.services.webhooks.runLane(lane, () => false));
        await until('both to handle it', () => running === 2);
        goOn();
        await Promise.all(workers);
        expect(await world.query('select from effects')).toHaveLength(1);
        expect(await world.events(101)).toMatchObject([{ state: 'done', attempts: 1 }]);
      },
      { worker: false },
    );
  });

  it('may set something for its session, and the next handler of the connection does not see it', () => {
    const seen: string[] = [];
    const handler = onChange('sets', async (_, { db }) => {
      const { rows } = await db.query('show search_path');
      seen.push(rows[0].search_path);
      await db.query(`set search_path to nowhere, public; set statement_timeout to '1h'`);
    });
    return inWebhookWorld([handler], async ({ deliver, settled, query }) => {
      await deliver(Array.from({ length: 6 }, () => anEvent()));
      await settled();
      expect(await query('select distinct state, attempts from webhook_events')).toEqual([
        { state: 'done', attempts: 1 },
      ]);
      expect(new Set(seen)).toEqual(new Set(['"$user", public']));
    });
  });

  it('does not use up the connections that its other calls need, however many handlers run at once', () => {
    const handler = onChange('writes and asks', async (_, context) => {
      await write(context, 'begun');
      await context.hubspot.contacts.get('101');
      await write(context, 'asked');
    });
    return inWebhookWorld([handler], async (world) => {
      await withEffects(world);
      await world.sandbox.setApp({ rateLimit: null });
      expect((await world.install()).status).toBe(200);
      await world.deliver(Array.from({ length: 30 }, (_, index) => anEvent({ objectId: 1000 + index })));
      await world.settled();
      expect(
        await world.query(
          `select distinct state, attempts from webhook_events where event is not null and state <> 'ignored'`,
        ),
      ).toEqual([{ state: 'done', attempts: 1 }]);
      expect(await world.query('select from effects')).toHaveLength(60);
    });
  });

  it('is committed once when the worker is killed with -9 between the write and the commit', () =>
    inWebhookWorld(
      [],
      async (world) => {
        await world.query(EFFECTS_TABLE);
        const start = (...args: string[]) =>
          startProcess('test/webhooks/pipeline/effects-worker.ts', { ...world.settings, PORT: '0' }, args);
        const victim = await start('--stall');
        const wrote = once(victim.child, 'message');
        await world.deliver([anEvent(), anEvent(), anEvent({ objectId: 102 })]);
        await wrote;
        await victim.kill('SIGKILL');
        expect(await world.query('select from effects')).toHaveLength(0);

        const survivor = await start();
        try {
          await until('the effects', async () => (await world.query('select from effects')).length >= 3);
          await world.settled();
        } finally {
          await survivor.kill();
        }
        const rows = await world.query(
          'select record, count(*), count(distinct event_id) as events from effects group by record order by record',
        );
        expect(rows).toEqual([
          { record: '62515:contact:101', count: 2, events: 2 },
          { record: '62515:contact:102', count: 1, events: 1 },
        ]);
        expect(await world.query('select distinct state, attempts from webhook_events')).toEqual([
          { state: 'done', attempts: 1 },
        ]);
      },
      { worker: false },
    ));

  async function openTransactions({ query }: WebhookWorld): Promise<number> {
    const [row] = await query(
      `select count(*) from pg_stat_activity
       where datname = current_database() and state like 'idle in transaction%' and query like '%effects%'`,
    );
    return row.count;
  }
});

describe('a promise that is rejected and awaited nowhere, and what a callback throws', () => {
  it.each([
    ['SIGUSR2', 'of the worker itself'],
    ['SIGHUP', 'thrown by the worker itself'],
  ] as const)(
    'of a handler is logged with its event, and the worker goes on; any other ends it (%s)',
    (signal, last) =>
      inWebhookWorld(
        [],
        async (world) => {
          await world.query(EFFECTS_TABLE);
          await world.deliver([anEvent(), anEvent(), anEvent({ objectId: 102 })]);
          const settings = { ...world.settings, PORT: '0', LOG_LEVEL: 'error' };
          const worker = await startProcess('test/webhooks/pipeline/effects-worker.ts', settings, [
            '--stray',
          ]);
          try {
            await world.settled();
            expect(await world.query('select distinct state, attempts from webhook_events')).toEqual([
              { state: 'done', attempts: 1 },
            ]);
            const ids = await world.query('select id from webhook_events order by id');
            for (const message of ['nobody awaits this', 'nobody catches this']) {
              const lines = () =>
                worker
                  .output()
                  .split('\n')
                  .filter((line) => line.includes(message));
              await until('the log', () => lines().length === 3);
              const logged = lines().map((line) => ({ id: JSON.parse(line).eventId }));
              expect(logged.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(ids);
            }
          } finally {
            expect(await worker.kill(signal)).toEqual({ code: 1, signal: null });
          }
          expect(worker.output()).toContain(last);
        },
        { worker: false },
      ),
  );
});

describe('a handler that never ends', () => {
  it('is cut, told so, can no longer write, and holds nobody but its record', () => {
    const contexts: WebhookContext[] = [];
    const done: number[] = [];
    const handler = onChange('endless', async (objectId, context) => {
      if (objectId !== 101) return void done.push(objectId);
      // On a slow machine its time is over before the statement is.
      contexts.push(context);
      context.signal.throwIfAborted();
      await context.db.query('select 1').catch(() => {});
      await new Promise(() => {});
    });
    return inWebhookWorld(
      [handler],
      async ({ deliver, settled, events, query }) => {
        await deliver([anEvent(), anEvent(), anEvent({ objectId: 102 })]);
        await until('the other record', () => done.includes(102));
        await until('the cut', async () => (await events(101))[0].state === 'retrying');
        await settled();
        expect(await events(101)).toMatchObject([
          { attempts: 1, last_error: 'The handler endless had not ended after 0.5 seconds.' },
          { state: 'waiting' },
        ]);
        expect(contexts[0]?.signal.aborted).toBe(true);
        await expect(contexts[0]?.db.query('select 1')).rejects.toThrow('must await');
        // Others have transactions for a moment; one that was left open stays.
        await until('no transaction to be open', async () => {
          const [open] = await query(
            `select count(*) from pg_stat_activity
             where datname = current_database() and state like 'idle in transaction%'`,
          );
          return open.count === 0;
        });
      },
      { webhookHandlerMs: 500 },
    );
  });

  it('takes no other record’s place in its lane while its own waits for it', () => {
    const eight = [101];
    while (eight.length < 8) eight.push(neighbourOf(eight.at(-1) ?? 0));
    const last = neighbourOf(eight.at(-1) ?? 0);
    const done: number[] = [];
    let end = () => {};
    const late = new Promise<void>((resolve) => {
      end = resolve;
    });
    const handler = onChange('late', async (objectId) => {
      if (objectId !== last) await late;
      done.push(objectId);
    });
    return inWebhookWorld(
      [handler],
      async ({ deliver, retryNow, settled, query }) => {
        await deliver(eight.map((objectId) => anEvent({ objectId })));
        await until('all to be cut', async () => {
          const [row] = await query(`select count(*) from webhook_events where state = 'retrying'`);
          return row.count === 8;
        });
        await retryNow();
        await deliver([anEvent({ objectId: last })]);
        await until('the ninth record', () => done.includes(last)).finally(end);
        await settled();
      },
      { webhookHandlerMs: 300 },
    );
  });

  it('is told so also when it asks only afterwards', () => {
    const told: boolean[] = [];
    let end = () => {};
    const late = new Promise<void>((resolve) => {
      end = resolve;
    });
    const handler = onChange('late', async (_, context) => {
      await late;
      told.push(context.signal.aborted);
    });
    return inWebhookWorld(
      [handler],
      async ({ deliver, events }) => {
        await deliver([anEvent()]);
        await until('the cut', async () => (await events(101))[0]?.state === 'retrying');
        end();
        await until('the handler to end', () => told.length > 0);
        expect(told[0]).toBe(true);
      },
      { webhookHandlerMs: 200 },
    );
  });

  it('is waited for by its record, should it end after all', () => {
    const seen: string[] = [];
    let end = () => {};
    const late = new Promise<void>((resolve) => {
      end = resolve;
    });
    const handler = onChange('late', async (objectId, { attempt }) => {
      seen.push(`${objectId} attempt ${attempt} begins`);
      if (objectId === 101 && attempt === 1) await late;
      seen.push(`${objectId} attempt ${attempt} ends`);
    });
    return inWebhookWorld(
      [handler],
      async ({ deliver, settled, events, retryNow }) => {
        await deliver([anEvent()]);
        await until('the cut', async () => (await events(101))[0]?.state === 'retrying');
        await retryNow();
        const neighbour = neighbourOf(101);
        await deliver([anEvent({ objectId: neighbour })]);
        // Its lane has taken up the retry too.
        await until('the neighbour', () => seen.includes(`${neighbour} attempt 1 ends`));
        end();
        await until('the retry', async () => (await events(101))[0].state === 'done');
        await settled();
        expect(seen.filter((line) => line.startsWith('101'))).toEqual([
          '101 attempt 1 begins',
          '101 attempt 1 ends',
          '101 attempt 2 begins',
          '101 attempt 2 ends',
        ]);
      },
      { webhookHandlerMs: 500 },
    );
  });
});
