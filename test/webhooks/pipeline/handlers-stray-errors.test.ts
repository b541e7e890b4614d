import { describe, expect, it } from '@jest/globals';
import { startProcess } from '../../helpers/processes.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld } from '../../helpers/webhook-world.ts';
import { EFFECTS_TABLE } from './effects-worker.ts';

describe('an unhandled rejection, and an error thrown in a callback', () => {
  it.each([
    ['SIGUSR2', 'of the worker itself'],
    ['SIGHUP', 'thrown by the worker itself'],
  ] as const)(
    'is logged with its event when a handler causes it, and ends the worker otherwise (%s)',
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
