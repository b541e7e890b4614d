import { describe, expect, it } from '@jest/globals';
import { PermanentError } from '../../../app/webhooks/index.ts';
import { type Handle, neighbourOf, onChange } from '../../helpers/handlers.ts';
import { createMemoryLog } from '../../helpers/memory-log.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld } from '../../helpers/webhook-world.ts';

describe('an event whose handler throws', () => {
  it('is retried later, and only its record’s next events wait for it', () => {
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

  it('becomes a dead letter after ten attempts, and its record’s next events go on', () => {
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

  it('is retried whatever the handler throws, and only its record waits', () => {
    const thrown = [
      Object.assign(new Error('asks for ages'), { retryAfter: 1e13 }),
      Object.assign(new Error(), { message: { code: 7 } }),
      Object.defineProperty(new Error(), 'message', {
        get() {
          throw new Error('no message');
        },
      }),
      Object.assign(new Error('asks for a symbol'), { retryAfter: Symbol('soon') }),
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

  it('is retried, and the worker goes on, when the handler is not async', () => {
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
      'swallows the error of a statement',
      async (_, { db }) => void (await db.query('select 1 / 0').catch(() => undefined)),
      expect.stringContaining('transaction is aborted') as unknown as string,
    ],
  ])(
    'is logged with handler, type, event and time of the retry when the handler %s',
    async (_, handle, message) => {
      const { logger, lines } = createMemoryLog();
      await inWebhookWorld(
        [onChange('reports', handle)],
        async ({ deliver, query }) => {
          await deliver([anEvent()]);
          const line = await until('the line', () => lines.find(({ msg }) => msg.includes('handler failed')));
          const [{ id }] = await query('select id from webhook_events');
          expect(line).toMatchObject({
            level: 40,
            handler: 'reports',
            subscriptionType: 'contact.propertyChange',
            portalId: 62515,
            attempt: 1,
            eventId: id,
            retryAt: expect.any(String),
            err: { message },
          });
        },
        { logger, webhookHandlerMs: 1_000 },
      );
    },
  );

  it('is logged with handler, type and event when it becomes a dead letter', async () => {
    const { logger, lines } = createMemoryLog();
    const handler = onChange('strict', async () => {
      throw new PermanentError('the order does not exist');
    });
    await inWebhookWorld(
      [handler],
      async ({ deliver, settled }) => {
        await deliver([anEvent({ portalId: 62599 })]);
        await settled();
        const line = lines.find(({ msg }) => msg.includes('now a dead letter'));
        expect(line).toMatchObject({
          level: 50,
          handler: 'strict',
          subscriptionType: 'contact.propertyChange',
          portalId: 62599,
          attempt: 1,
          eventId: expect.any(String),
        });
        expect(line).not.toHaveProperty('retryAt');
      },
      { logger },
    );
  });

  it('keeps the error when the database rejects it at first', () => {
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

  it('becomes a dead letter at once when the handler throws a PermanentError', () => {
    const handler = onChange('strict', async () => {
      throw new PermanentError('the order does not exist');
    });
    return inWebhookWorld([handler], async ({ deliver, settled, events }) => {
      await deliver([anEvent()]);
      await settled();
      expect(await events(101)).toMatchObject([
        { state: 'dead', attempts: 1, last_error: 'the order does not exist' },
      ]);
    });
  });

  it('becomes a dead letter after three attempts when HubSpot rejects a call', () => {
    const handler = onChange('reads', async (_, { hubspot }) => {
      await hubspot.contacts.get('999999999');
    });
    return inWebhookWorld([handler], async ({ install, deliver, events, retryNow }) => {
      await install();
      await deliver([anEvent()]);
      for (const attempt of [1, 2]) {
        await until(`attempt ${attempt}`, async () => (await events(101))[0]?.attempts === attempt);
        await retryNow();
      }
      await until('the end', async () => (await events(101))[0]?.state === 'dead');
      expect(await events(101)).toMatchObject([{ state: 'dead', attempts: 3 }]);
    });
  });

  it('is retried without using up attempts until the portal has the app, and then handled', () => {
    const handler = onChange('reads', async (objectId, { hubspot }) => {
      await hubspot.contacts.get(String(objectId));
    });
    return inWebhookWorld([handler], async ({ install, deliver, events, retryNow }) => {
      await deliver([anEvent()]);
      for (let attempt = 1; attempt <= 12; attempt += 1) {
        await until(`attempt ${attempt}`, async () => (await events(101))[0]?.attempts === attempt);
        expect(await events(101)).toMatchObject([{ state: 'retrying', outages: attempt }]);
        if (attempt === 12) await install();
        await retryNow();
      }
      await until('the event to be handled', async () => (await events(101))[0]?.state === 'done');
    });
  });
});
