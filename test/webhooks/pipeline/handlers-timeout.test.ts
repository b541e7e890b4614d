import { describe, expect, it } from '@jest/globals';
import type { WebhookContext } from '../../../app/webhooks/handler.ts';
import { neighbourOf, onChange } from '../../helpers/handlers.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld } from '../../helpers/webhook-world.ts';

describe('a handler that never ends', () => {
  it('times out: its signal aborts, it can no longer write, and only its record waits', () => {
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
        await until('the time-out', async () => (await events(101))[0].state === 'retrying');
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

  it('takes up no place in its lane while its record waits for it', () => {
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
        await until('all to time out', async () => {
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

  it('gets an aborted signal also when it first reads it after the time-out', () => {
    const aborted: boolean[] = [];
    let end = () => {};
    const late = new Promise<void>((resolve) => {
      end = resolve;
    });
    const handler = onChange('late', async (_, context) => {
      await late;
      aborted.push(context.signal.aborted);
    });
    return inWebhookWorld(
      [handler],
      async ({ deliver, events }) => {
        await deliver([anEvent()]);
        await until('the time-out', async () => (await events(101))[0]?.state === 'retrying');
        end();
        await until('the handler to end', () => aborted.length > 0);
        expect(aborted[0]).toBe(true);
      },
      { webhookHandlerMs: 200 },
    );
  });

  it('holds up the retry of its event until it ends', () => {
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
        await until('the time-out', async () => (await events(101))[0]?.state === 'retrying');
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
