import { createLogger } from './base/logger.ts';
import { loadConfig, readEnvironment } from './config.ts';
import { createContext, integration } from './context.ts';
import { runUntilSignal } from './run-until-signal.ts';
import { startSchedule } from './schedule.ts';
import { surviveStrayErrors } from './stray-errors.ts';
import { startJobRunner } from './tasks.ts';

await runUntilSignal('worker', async () => {
  const config = loadConfig(readEnvironment(), integration);
  const logger = createLogger(config.logLevel, 'worker');
  surviveStrayErrors(logger);
  const ctx = createContext(config, logger);
  await ctx.checkIntegration();
  await ctx.services.keys.checkAtStart();
  const runner = await startJobRunner(ctx);
  const schedule = startSchedule(ctx);
  logger.info('working');
  return {
    ended: runner.ended,
    async stop() {
      schedule.stop();
      const aborted = await runner.stop();
      await ctx.close();
      logger.info({ aborted }, 'stopped');
      return aborted;
    },
  };
});
