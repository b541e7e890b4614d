import { createServer } from 'node:http';
import { createApp } from './app.ts';
import { createLogger } from './base/logger.ts';
import { SHUTDOWN } from './base/shutdown.ts';
import { loadConfig, readEnvironment } from './config.ts';
import { createContext } from './context.ts';
import { retryWhileSlow } from './db/retry-while-slow.ts';
import { boundConnections } from './http/connection-bound.ts';
import { listen } from './http/listen.ts';
import { answerUnreadableRequests } from './http/unreadable-requests.ts';
import { runUntilSignal } from './run-until-signal.ts';
import { outliveStrayErrors } from './stray-errors.ts';

/** HubSpot waits five seconds for an answer. Whoever takes longer to send a request holds memory for nothing. */
const SLOWEST_REQUEST = {
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
};
/** Longer than any answer takes; whoever does not read theirs holds a connection no longer. */
const SILENCE_MS = 60_000;
/** Each costs some 17 kB before its request is there; HubSpot uses ten for each account that sends at the moment. */
const MOST_CONNECTIONS = 3_000;

const STOPPING = {
  /** Routers and HubSpot use their connections again within this, or see that they are closed. */
  idleMs: 1_000,
  answerMs: SHUTDOWN.workMs,
};

await runUntilSignal('web', async () => {
  const config = loadConfig(readEnvironment());
  const logger = createLogger(config.logLevel, 'web');
  outliveStrayErrors(logger);
  const ctx = createContext(config, logger, { process: 'web' });
  ctx.checkRegistries();
  await retryWhileSlow(() => ctx.services.keys.checkAtStart());
  await retryWhileSlow(() => ctx.services.refusals.rememberSecrets());
  const server = createServer(SLOWEST_REQUEST, createApp(ctx));
  server.timeout = SILENCE_MS;
  boundConnections(server, MOST_CONNECTIONS, logger);
  answerUnreadableRequests(server, logger);
  const listening = await listen(server, config.port);
  logger.info({ port: config.port, serverUrl: config.serverUrl }, 'listening');
  return {
    async stop() {
      await listening.close(STOPPING);
      await ctx.close();
      logger.info('stopped');
      // Requests that take too long are answered with 503, and what was not stored is sent again.
      return 0;
    },
  };
});
