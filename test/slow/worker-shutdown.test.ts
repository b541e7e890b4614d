import { expect, it } from '@jest/globals';
import { startProcess } from '../helpers/processes.ts';
import { until } from '../helpers/until.ts';
import { anEvent, inWebhookWorld } from '../helpers/webhook-world.ts';
import { EFFECTS_TABLE } from '../webhooks/pipeline/effects-worker.ts';

const PROGRAM = 'test/webhooks/pipeline/effects-worker.ts';

it('a worker that is stopped while a handler hangs reports it and exits with 1, and another worker handles the event', () =>
  inWebhookWorld(
    [],
    async (world) => {
      await world.query(EFFECTS_TABLE);
      const settings = { ...world.settings, PORT: '0', LOG_LEVEL: 'error' };
      const hangs = await startProcess(PROGRAM, settings, ['--stall']);
      try {
        const written = new Promise((resolve) => hangs.child.once('message', resolve));
        await world.deliver([anEvent()]);
        await written;
        expect(await hangs.kill('SIGTERM')).toEqual({ code: 1, signal: null });
      } finally {
        await hangs.kill('SIGKILL');
      }
      // Not the time-out of the process: the context was closed.
      expect(hangs.output()).toContain('work was aborted (jobs still running: 1)');
      expect(await world.query('select from effects')).toHaveLength(0);

      const works = await startProcess(PROGRAM, settings);
      try {
        await until('the event to be done', async () => (await world.events(101))[0]?.state === 'done', 60);
        expect(await world.query('select from effects')).toHaveLength(1);
      } finally {
        await works.kill('SIGTERM');
      }
    },
    { worker: false },
  ));
