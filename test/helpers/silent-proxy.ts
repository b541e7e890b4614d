import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A proxy between the app and PostgreSQL that can stop responding like a frozen server: it accepts and never answers. */
export async function startSilentProxy(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let silent = false;

  // Half open: a frozen server does not answer the end of a connection either.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    keep(client);
    client.resume();
    if (silent) return;
    const upstream = keep(connect({ port: Number(target.port), host: target.hostname, allowHalfOpen: true }));
    for (const [from, to] of [[client, upstream] as const, [upstream, client] as const]) {
      from.on('data', (chunk) => silent || to.write(chunk));
      from.on('end', () => silent || to.end());
      from.on('close', () => silent || to.destroy());
    }
  });
  await once(server.listen(0), 'listening');
  const url = new URL(databaseUrl);
  url.hostname = 'localhost';
  url.port = String((server.address() as AddressInfo).port);

  return {
    url: url.href,

    fallSilent(): void {
      silent = true;
    },

    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };

  function keep(socket: Socket): Socket {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    return socket;
  }
}
