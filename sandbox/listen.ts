import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Node's default of 16 kB would reject long URLs before they get HubSpot's 414. */
const MOST_HEADERS = 64 * 1024;

/**
 * Listens on 127.0.0.1 and, where the machine has IPv6, on ::1: `localhost` may mean either.
 * Rejects with EADDRINUSE when the port is taken on one of them.
 */
export async function listenOnLoopback(
  handler: RequestListener,
  port: number,
): Promise<{ port: number; close(): Promise<void> }> {
  const first = await listen(handler, port, '127.0.0.1');
  const taken = (first.address() as AddressInfo).port;
  try {
    const second = await listen(handler, taken, '::1');
    return { port: taken, close: () => closeAll([first, second]) };
  } catch (error) {
    if (hasCode(error, 'EADDRNOTAVAIL', 'EAFNOSUPPORT')) {
      return { port: taken, close: () => closeAll([first]) };
    }
    await closeAll([first]);
    // A port that is free on one address may be taken on the other; with 0 another one is tried.
    if (port === 0 && hasCode(error, 'EADDRINUSE')) return listenOnLoopback(handler, 0);
    throw error;
  }
}

async function listen(handler: RequestListener, port: number, host: string): Promise<Server> {
  const server = createServer({ maxHeaderSize: MOST_HEADERS }, handler).listen(port, host);
  await once(server, 'listening');
  return server;
}

async function closeAll(servers: Server[]): Promise<void> {
  await Promise.all(
    servers.map((server) => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      return closed;
    }),
  );
}

function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
