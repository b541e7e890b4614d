import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import supertest from 'supertest';
import { createApp } from '../../app/app.ts';
import { createLogger, type Logger } from '../../app/base/logger.ts';
import { loadConfig } from '../../app/config.ts';
import { type ContextOptions, createContext } from '../../app/context.ts';
import type { Db } from '../../app/db/pool.ts';
import { listen } from '../../app/http/listen.ts';
import type { PortalClient } from '../../app/hubspot/portal-client.ts';
import type { Enqueue } from '../../app/jobs/index.ts';
import type { JobRunner } from '../../app/queue/runner.ts';
import { startJobRunner } from '../../app/tasks.ts';
import { startSandbox } from '../../sandbox/index.ts';
import { createDatabase } from './database.ts';
import { createSandboxClient } from './sandbox-client.ts';
import { API_KEY, testSettings } from './settings.ts';
import { integration, PROJECT, VIEWS } from './vendor.ts';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

export type World = Awaited<ReturnType<typeof startWorld>>;

export interface WorldOptions extends ContextOptions {
  readonly worker?: boolean;
  readonly settings?: Record<string, string>;
  readonly logger?: Logger;
  /** The HubSpot project that the sandbox reads. */
  readonly project?: string;
}

/** A world per test file: a database, a sandbox, and the app in this process, each reached as in production. */
export async function startWorld(options: WorldOptions = {}) {
  const database = await createDatabase();
  const server = createServer();
  const listening = await listen(server, 0);
  const serverUrl = `http://localhost:${(server.address() as AddressInfo).port}`;
  const sandbox = await startSandbox({ port: 0, serverUrl, projectFolder: options.project ?? PROJECT });
  const defaults = testSettings({ databaseUrl: database.url, serverUrl, sandboxUrl: sandbox.url });
  const settings = { ...defaults, ...options.settings };
  const definition = { ...integration, ...options.integration };
  const config = loadConfig(settings, definition);
  const ctx = createContext(config, options.logger ?? createLogger(config.logLevel, 'test'), {
    views: VIEWS,
    // Tests fail more often than people do.
    failedExchangesPerMinute: 100_000,
    // On a busy machine a statement may take longer than a server waits.
    process: 'command',
    ...options,
    integration: definition,
  });
  server.on('request', createApp(ctx));
  let runner: JobRunner | undefined;
  if (options.worker) runner = await startJobRunner(ctx);
  const client = createSandboxClient(sandbox.url);
  const request = (method: string, path: string) =>
    supertest(serverUrl)[method.toLowerCase() as Method](path);

  return {
    database,
    ctx,
    serverUrl,
    settings,
    sandboxUrl: sandbox.url,
    /** Controls the sandbox: `control` sends POST to a route below `/_sandbox`, `read` sends GET. */
    sandbox: client,

    /** HubSpot's APIs, authorised for a portal in which the app is installed. */
    hubspot: (portalId = 62515): PortalClient => ctx.hubspotFor(portalId),

    /** The database of the app. */
    db: ctx.pool as Db,

    /** Queues a job of the integration; it runs when the world has a worker. */
    enqueue: ((...job: Parameters<Enqueue>) => ctx.services.jobs.enqueue(...job)) as Enqueue,

    /** A request to the app with supertest, to which headers and a body can be added. */
    request,

    /** The same with the API key, and a body sent as JSON. */
    apiRequest(method: string, path: string, body?: unknown) {
      const keyed = request(method, path).auth(API_KEY, { type: 'bearer' });
      if (body === undefined) return keyed;
      return keyed.set('content-type', 'application/json').send(JSON.stringify(body));
    },

    /** A request to the app with fetch. */
    app: (path: string, init: RequestInit = {}) => fetch(serverUrl + path, { redirect: 'manual', ...init }),

    /** The same with the API key, and a body sent as JSON. */
    api: (method: string, path: string, body?: unknown) =>
      fetch(serverUrl + path, {
        method,
        headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),

    /** The response body of a request with the API key; throws for an error status. */
    async json(method: string, path: string, body?: unknown) {
      const response = await this.api(method, path, body);
      const answer = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer}`);
      return JSON.parse(answer);
    },

    /** Installs the app in a portal, through the consent page. */
    async install(portalId = 62515): Promise<Response> {
      const begun = await fetch(`${serverUrl}/install`, { redirect: 'manual' });
      const callback = await client.decide(begun.headers.get('location') ?? '', 'approve', portalId);
      return fetch(callback, { redirect: 'manual' });
    },

    async close() {
      // First, because a running handler would wait for a sandbox that is gone.
      await runner?.stop();
      await sandbox.close();
      await listening.close();
      await ctx.close();
      await database.drop();
    },
  };
}
