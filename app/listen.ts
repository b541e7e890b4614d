import { once } from 'node:events';
import type { Server } from 'node:http';
import { Server as TcpServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Resolves when the server accepts connections; rejects when the port is taken. */
export async function listen(server: Server, port: number): Promise<void> {
  // Longer than the 60 seconds for which a router may keep an idle connection: we never close one it is about to use.
  server.keepAliveTimeout = 65_000;
  server.listen(port);
  await once(server, 'listening');
}

/**
 * Accepts no new connection, answers every request that still comes on an open one and then closes that one, so that
 * no request is cut off.
 * @param idleMs for how long a connection that is not in use is kept: its caller may be sending the next request
 * just now.
 */
export async function closeServer(server: Server, idleMs = 0): Promise<void> {
  const closed = once(server, 'close');
  server.prependListener('request', (_req, res) => res.setHeader('Connection', 'close'));
  // The close() of HTTP servers would close idle connections at once.
  TcpServer.prototype.close.call(server);
  await Promise.race([closed, pause(idleMs, undefined, { ref: false })]);
  server.close();
  // A connection that ends its last answer only now would otherwise stay for its keep-alive time.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  await closed;
  clearInterval(sweep);
}
