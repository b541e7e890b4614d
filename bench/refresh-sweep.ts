import { createLogger } from '../app/base/logger.ts';
import { loadConfig } from '../app/config.ts';
import { createContext } from '../app/context.ts';

/** The process that refreshes: sweeps on command, as the worker does, until nothing is due. */
const config = loadConfig(process.env);
const ctx = createContext(config, createLogger(config.logLevel, 'bench'));

process.on('message', async () => {
  const started = performance.now();
  while ((await ctx.installs.store.due(ctx.pool, new Date(), undefined, 1)).length > 0) {
    await ctx.installs.sweep({ stopping: () => false });
  }
  const seconds = (performance.now() - started) / 1000;
  process.send?.({ seconds, peakMb: process.resourceUsage().maxRSS / 1024 });
});
process.once('disconnect', () => process.exit());
process.send?.('ready');
