import { once } from 'node:events';
import type { Server } from 'node:http';

/** Resolves when the server accepts connections; rejects when the port is taken. */
export async function listen(server: Server, port: number): Promise<void> {
  // Longer than the 60 seconds for which a router may keep an idle connection: we never close one it is about to use.
  server.keepAliveTimeout = 65_000;
  server.listen(port);
  await once(server, 'listening');
}

/** Accepts no new connection, answers what is under way, then closes. */
export async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  // A connection that finishes its last answer after close() would otherwise stay for its keep-alive time.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  await closed;
  clearInterval(sweep);
}
