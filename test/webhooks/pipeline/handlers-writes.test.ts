import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { WebhookContext } from '../../../app/webhooks/handler.ts';
import { onChange } from '../../helpers/handlers.ts';
import { startProcess } from '../../helpers/processes.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld, type WebhookWorld } from '../../helpers/webhook-world.ts';
import { EFFECTS_TABLE } from './effects-worker.ts';

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

  it('is rolled back when the handler throws, and committed by the attempt that succeeds', () => {
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

  it('is rolled back when a later handler of the event throws', () => {
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

  it('is rolled back when a statement fails, also when the handler swallows the error', () => {
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

  it('is rejected after the handler has ended', () => {
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

  it('is committed once when two workers handle the same event', () => {
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
        // As when one was presumed dead and was only slow.
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

  it('may change session settings without affecting the next handler on the connection', () => {
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

  it('leaves connections for the other calls of handlers, however many run at once', () => {
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

  it('is committed once when the worker is killed between the write and the commit', () =>
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
