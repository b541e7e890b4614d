import { createServer } from 'node:http';
import { createApp } from './app.ts';
import { loadConfig, readEnvironment } from './config.ts';
import { createContext } from './context.ts';
import { closeServer, listen } from './listen.ts';
import { createLogger } from './logger.ts';
import { runUntilSignal } from './run-until-signal.ts';

/** Routers and HubSpot use their connections again within this, or see that they are closed. */
const IDLE_MS = 1_000;

await runUntilSignal('web', async () => {
  const config = loadConfig(readEnvironment());
  const logger = createLogger(config.logLevel, 'web');
  const ctx = createContext(config, logger);
  ctx.services.webhookSubscriptions.check();
  await ctx.services.keys.check();
  await ctx.services.refusals.rememberSecrets();
  const server = createServer(createApp(ctx));
  await listen(server, config.port);
  logger.info({ port: config.port, serverUrl: config.serverUrl }, 'listening');
  return {
    async stop() {
      await closeServer(server, IDLE_MS);
      await ctx.close();
      logger.info('stopped');
    },
  };
});
