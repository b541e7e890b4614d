import { loadConfig } from '../app/config.ts';
import { createContext } from '../app/context.ts';
import { refreshExpiringTokens } from '../app/installs/tokens/sweep.ts';
import { createLogger } from '../app/base/logger.ts';

/** The process that refreshes: sweeps on command, as the worker does, until nothing is due. */
const config = loadConfig(process.env);
const ctx = createContext(config, createLogger(config.logLevel, 'bench'));

process.on('message', async () => {
  const started = performance.now();
  while ((await ctx.installs.due(ctx.pool, new Date(), undefined, 1)).length > 0) {
    await refreshExpiringTokens({ ...ctx, tokens: ctx.services.tokens, stopping: () => false });
  }
  const seconds = (performance.now() - started) / 1000;
  process.send?.({ seconds, peakMb: process.resourceUsage().maxRSS / 1024 });
});
process.once('disconnect', () => process.exit());
process.send?.('ready');
