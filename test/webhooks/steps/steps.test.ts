import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { HubSpotError } from '../../../app/hubspot/client/errors.ts';
import type { StepOptions } from '../../../app/webhooks/steps/steps.ts';
import { onChange } from '../../helpers/handlers.ts';
import { startProcess } from '../../helpers/processes.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld, type WebhookWorld } from '../../helpers/webhook-world.ts';

const stateOf = async ({ events }: WebhookWorld) => (await events(101))[0]?.state;
const isIn = (world: WebhookWorld, state: string) =>
  until(`the event to be ${state}`, async () => (await stateOf(world)) === state);

describe('a step of a handler', () => {
  it('is done once, and a retry of the handler gets its result', () => {
    const log: string[] = [];
    const handler = onChange('steps', async (_, { step, attempt }) => {
      const { id } = await step('first', async () => {
        log.push('first');
        return { id: `note ${attempt}` };
      });
      const nothing = await step('second', async () => void log.push('second'));
      log.push(`${id} ${nothing}`);
      if (attempt === 1) throw new Error('later');
    });
    return inWebhookWorld([handler], async (world) => {
      await world.deliver([anEvent()]);
      await isIn(world, 'retrying');
      await world.retryNow();
      await isIn(world, 'done');
      expect(log).toEqual(['first', 'second', 'note 1 undefined', 'note 1 undefined']);
    });
  });

  it('is done again when it failed', () => {
    let tries = 0;
    const handler = onChange('steps', async (_, { step }) => {
      await step('flaky', async () => {
        tries += 1;
        if (tries === 1) throw new Error('not done');
      });
    });
    return inWebhookWorld([handler], async (world) => {
      await world.deliver([anEvent()]);
      await isIn(world, 'retrying');
      expect(await world.query('select from webhook_steps')).toHaveLength(0);
      await world.retryNow();
      await isIn(world, 'done');
      expect(tries).toBe(2);
    });
  });

  it('belongs to its handler and its event', () => {
    const log: string[] = [];
    const handlers = ['one', 'two'].map((name) =>
      onChange(name, async (objectId, { step }) => {
        await step('same', async () => void log.push(`${name} ${objectId}`));
      }),
    );
    return inWebhookWorld(handlers, async (world) => {
      await world.deliver([anEvent(), anEvent({ objectId: 102 })]);
      await world.settled();
      expect(log.toSorted()).toEqual(['one 101', 'one 102', 'two 101', 'two 102']);
    });
  });

  it('does not block a handler that writes in its transaction', () => {
    const handler = onChange('steps', async (_, { step, db }) => {
      await db.query('select 1');
      await step('beside', async () => 'done');
      await db.query('select 1');
    });
    return inWebhookWorld([handler], async (world) => {
      await world.deliver([anEvent()]);
      await isIn(world, 'done');
    });
  });

  it('is done again when a handled event is replayed, and not when a dead one is', () => {
    let steps = 0;
    let fails = false;
    const handler = onChange('steps', async (_, { step }) => {
      await step('count', async () => {
        steps += 1;
      });
      if (fails) throw new Error('not yet');
    });
    const options = { dryRun: false, onTotal: () => {}, onProgress: () => {} };
    return inWebhookWorld([handler], async (world) => {
      const { ledger } = world.ctx.services.webhooks;
      await world.deliver([anEvent()]);
      await isIn(world, 'done');
      await ledger.replay({ states: ['done'] }, options);
      await until('the second run', async () => steps === 2 && (await stateOf(world)) === 'done');
      fails = true;
      await ledger.replay({ states: ['done'] }, options);
      await isIn(world, 'retrying');
      expect(steps).toBe(3);
      await world.query(`update webhook_events set state = 'dead', run_at = null`);
      fails = false;
      await ledger.replay({ states: ['dead'] }, options);
      await isIn(world, 'done');
      expect(steps).toBe(3);
    });
  });

  it('is deleted with the contact, and with its event', () => {
    let fails = true;
    const handler = onChange('steps', async (_, { step }) => {
      await step('read', async () => ({ email: 'jane@example.com' }));
      if (fails) throw new Error('later');
    });
    return inWebhookWorld([handler], async (world) => {
      const steps = () => world.query('select from webhook_steps');
      await world.deliver([anEvent()]);
      await isIn(world, 'retrying');
      expect(await steps()).toHaveLength(1);
      await world.deliver([anEvent({ subscriptionType: 'contact.privacyDeletion' })]);
      await isIn(world, 'erased');
      expect(await steps()).toEqual([]);

      fails = false;
      await world.deliver([anEvent({ objectId: 102 })]);
      await world.settled();
      expect(await steps()).toHaveLength(1);
      await world.query(`update webhook_events set received_at = now() - interval '1 year'`);
      await world.ctx.services.webhooks.prune(() => false);
      expect(await steps()).toEqual([]);
    });
  });

  describe('whose outcome is unknown', () => {
    const cases: [string, StepOptions<string>, string[], string][] = [
      ['is repeated by default', {}, ['work', 'work', 'got new'], 'done'],
      ['ends the event with `fail`', { onUnknown: 'fail' }, ['work'], 'dead'],
      [
        'has the result that the check finds',
        { onUnknown: async () => 'found' },
        ['work', 'got found'],
        'done',
      ],
      [
        'is repeated when the check finds nothing',
        { onUnknown: async () => undefined },
        ['work', 'work', 'got new'],
        'done',
      ],
    ];
    it.each(cases)('%s', (_what, options, expected, state) => {
      const log: string[] = [];
      const handler = onChange('steps', async (_, { step, attempt }) => {
        const result = await step(
          'create',
          async () => {
            log.push('work');
            // HubSpot may have processed it.
            if (attempt === 1) throw new HubSpotError({ method: 'POST', path: '/notes', status: 504 });
            return 'new';
          },
          options,
        );
        log.push(`got ${result}`);
      });
      return inWebhookWorld([handler], async (world) => {
        await world.deliver([anEvent()]);
        await isIn(world, 'retrying');
        await world.retryNow();
        await isIn(world, state);
        expect(log).toEqual(expected);
      });
    });
  });

  it.each(['note', 'task', 'event'])(
    'is not repeated when the worker is killed after the step %s',
    (stallAfter) =>
      inWebhookWorld(
        [],
        async (world) => {
          const settings = { ...world.settings, PORT: '0' };
          await world.install();
          const start = (...args: string[]) =>
            startProcess('test/webhooks/steps/steps-worker.ts', settings, args);
          const victim = await start(stallAfter);
          const done = once(victim.child, 'message');
          await world.deliver([anEvent({ subscriptionType: 'contact.creation' })]);
          await done;
          await victim.kill('SIGKILL');
          const survivor = await start();
          try {
            await isIn(world, 'done');
          } finally {
            await survivor.kill();
          }
          const hubspot = world.hubspot();
          const [notes, tasks] = [
            await Array.fromAsync(hubspot.notes.list()),
            await Array.fromAsync(hubspot.tasks.list()),
          ];
          const welcomes = notes.filter(({ properties }) => properties.hs_note_body === 'Welcome 101');
          expect(welcomes).toHaveLength(1);
          expect(
            tasks.filter(
              ({ properties }) => properties.hs_task_subject === `Call about note ${welcomes[0]?.id}`,
            ),
          ).toHaveLength(1);
          const { results } = await world.sandbox.read('timeline?portalId=62515&email=jane@example.com');
          expect(results).toHaveLength(1);
        },
        { worker: false },
      ),
  );
});
