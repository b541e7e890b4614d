import { createLogger } from '../app/base/logger.ts';
import { loadConfig, readEnvironment } from '../app/config.ts';
import { createContext } from '../app/context.ts';
import { runUntilSignal } from '../app/run-until-signal.ts';
import { startJobRunner } from '../app/tasks.ts';

/** The worker with the example handlers, with or without coalescing of its HubSpot calls. */
await runUntilSignal('worker', async () => {
  const config = loadConfig(readEnvironment());
  const coalesceCalls = process.argv[2] !== 'alone';
  const ctx = createContext(config, createLogger(config.logLevel, 'worker'), { coalesceCalls });
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
