import { createServer } from 'node:http';
import { createApp } from './app.ts';
import { createLogger } from './base/logger.ts';
import { SHUTDOWN } from './base/shutdown.ts';
import { loadConfig, readEnvironment } from './config.ts';
import { createContext, integration } from './context.ts';
import { retryWhileSlow } from './db/retry-while-slow.ts';
import { boundConnections } from './http/connection-bound.ts';
import { listen } from './http/listen.ts';
import { answerUnreadableRequests } from './http/unreadable-requests.ts';
import { runUntilSignal } from './run-until-signal.ts';
import { surviveStrayErrors } from './stray-errors.ts';

/** HubSpot waits five seconds for an answer, so a request that takes longer to arrive only holds memory. */
const SLOWEST_REQUEST = {
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
};
/** Longer than any answer takes. Closes the connections of callers who do not read theirs. */
const SILENCE_MS = 60_000;
/** Each takes some 17 kB before its request arrives. HubSpot opens ten for each account that is sending. */
const MOST_CONNECTIONS = 3_000;

const STOPPING = {
  /** Within this time routers and HubSpot reuse their connections or notice that they are closed. */
  idleMs: 1_000,
  answerMs: SHUTDOWN.workMs,
};

await runUntilSignal('web', async () => {
  const config = loadConfig(readEnvironment(), integration);
  const logger = createLogger(config.logLevel, 'web');
  surviveStrayErrors(logger);
  const ctx = createContext(config, logger, { process: 'web' });
  await ctx.checkIntegration();
  await retryWhileSlow(() => ctx.services.keys.checkAtStart());
  await retryWhileSlow(() => ctx.services.webhooks.rejectedRequests.rememberSecrets());
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
      // Requests that take too long are answered with 503, and HubSpot retries its deliveries.
      return 0;
    },
  };
});
