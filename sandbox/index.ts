import { createSandboxApp } from './app.ts';
import { createContext } from './context.ts';
import { listenOnLoopback } from './listen.ts';

export interface SandboxOptions {
  /** 0 takes any free port; default 3001. */
  port?: number;
  /** Public base URL of the app; default `http://localhost:3000`. */
  serverUrl?: string;
  /** HubSpot project that the app was uploaded from; default `hubspot-project`. */
  projectFolder?: string;
  /** How long the app may take to answer a webhook; default HubSpot's five seconds. */
  webhookTimeoutMs?: number;
}

export interface Sandbox {
  /** `http://localhost:<port>` */
  url: string;
  port: number;
  /** Closes every connection and discards waiting deliveries. */
  close(): Promise<void>;
}

/**
 * Starts a HubSpot stand-in on loopback.
 * Rejects under NODE_ENV=production, and with the code EADDRINUSE when the port is taken.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { port = 3001, serverUrl = 'http://localhost:3000', projectFolder, webhookTimeoutMs } = options;
  if (process.env.NODE_ENV === 'production') {
    throw new Error('The sandbox does not start under NODE_ENV=production: it gives its data to anyone.');
  }
  const ctx = createContext({ serverUrl, projectFolder, webhookTimeoutMs });
  const listening = await listenOnLoopback(createSandboxApp(ctx), port);
  return {
    url: `http://localhost:${listening.port}`,
    port: listening.port,
    async close() {
      ctx.reset();
      await listening.close();
    },
  };
}
