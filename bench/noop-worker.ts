import { createLogger } from '../app/base/logger.ts';
import { loadConfig, readEnvironment } from '../app/config.ts';
import { createContext } from '../app/context.ts';
import { runUntilSignal } from '../app/run-until-signal.ts';
import { startJobRunner } from '../app/tasks.ts';
import { defineHandler } from '../app/webhooks/handler.ts';

/** The worker with one handler that does nothing: what is left is the cost of getting events to it. */
await runUntilSignal('worker', async () => {
  const config = loadConfig(readEnvironment());
  const handler = defineHandler({
    name: 'noop',
    on: 'contact.propertyChange',
    when: { properties: ['lifecyclestage'] },
    handle: async () => {},
  });
  const ctx = createContext(config, createLogger(config.logLevel, 'worker'), { webhookHandlers: [handler] });
  const runner = await startJobRunner(ctx);
  return {
    ended: runner.ended,
    async stop() {
      const aborted = await runner.stop();
      await ctx.close();
      return aborted;
    },
  };
});
