import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A proxy between the app and PostgreSQL that can freeze connections: open, but without responses. */
export async function startFreezingProxy(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const pairs = new Map<Socket, Socket>();
  const silent = new Set<Socket>();
  let freezesNew = false;
  let frozenFromTheStart = 0;
  const server = createServer((client) => {
    if (freezesNew) {
      // Accepted by the network, but never answered.
      frozenFromTheStart += 1;
      client.on('error', () => {}).resume();
      silent.add(client);
      client.on('close', () => silent.delete(client));
      return;
    }
    const upstream = connect(Number(target.port), target.hostname);
    pairs.set(client, upstream);
    client.pipe(upstream).pipe(client);
    for (const [one, other] of [[client, upstream] as const, [upstream, client] as const]) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
    client.on('close', () => pairs.delete(client));
  });
  await once(server.listen(0), 'listening');
  const url = new URL(databaseUrl);
  url.hostname = 'localhost';
  url.port = String((server.address() as AddressInfo).port);

  return {
    url: url.href,

    /** Freezes the open connections; later ones work. */
    freeze(): void {
      for (const [client, upstream] of pairs) {
        client.unpipe(upstream);
        upstream.unpipe(client);
        client.resume();
        upstream.resume();
      }
    },

    /** How many connections were frozen from the start. */
    frozenFromTheStart: () => frozenFromTheStart,

    /** Whether connections that are opened from now on are frozen from the start. */
    freezeNew(freezes: boolean): void {
      freezesNew = freezes;
    },

    async close(): Promise<void> {
      for (const client of silent) client.destroy();
      for (const client of pairs.keys()) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
