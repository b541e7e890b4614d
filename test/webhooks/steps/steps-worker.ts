import { createLogger } from '../../../app/base/logger.ts';
import { loadConfig } from '../../../app/config.ts';
import { createContext } from '../../../app/context.ts';
import { runUntilSignal } from '../../../app/run-until-signal.ts';
import { startSchedule } from '../../../app/schedule.ts';
import { startJobRunner } from '../../../app/tasks.ts';
import { defineHandler } from '../../../app/webhooks/handler.ts';

/** A worker whose handler creates a note, a task and an app event, and that stops for ever after the given step. */
const [stallAfter] = process.argv.slice(2);

const handler = defineHandler({
  name: 'three-steps',
  on: 'contact.creation',
  async handle({ objectId }, { hubspot, step, eventId }) {
    const done = async (name: string) => {
      if (name !== stallAfter) return;
      process.send?.({ done: name });
      await new Promise(() => {});
    };
    const note = await step('note', () => hubspot.notes.create({ hs_note_body: `Welcome ${objectId}` }));
    await done('note');
    await step('task', () => hubspot.tasks.create({ hs_task_subject: `Call about note ${note.id}` }));
    await done('task');
    await step('event', () =>
      hubspot.timeline.sendEvent({
        eventTypeName: 'ae193354_app-activity',
        id: eventId,
        objectId,
        properties: { title: 'Welcome', source: 'test' },
      }),
    );
    await done('event');
  },
});

await runUntilSignal('worker', async () => {
  const config = loadConfig(process.env);
  const ctx = createContext(config, createLogger(config.logLevel, 'worker'), { webhookHandlers: [handler] });
  const runner = await startJobRunner(ctx);
  const schedule = startSchedule(ctx);
  return {
    ended: runner.ended,
    async stop() {
      schedule.stop();
      const aborted = await runner.stop();
      await ctx.close();
      return aborted;
    },
  };
});
