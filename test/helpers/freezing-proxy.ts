import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between the app and PostgreSQL, and can let connections freeze: open, and without a word. */
export async function startFreezingProxy(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const pairs = new Map<Socket, Socket>();
  const silent = new Set<Socket>();
  let freezesNew = false;
  let frozenFromTheStart = 0;
  const server = createServer((client) => {
    if (freezesNew) {
      // Accepted by the network, and answered by nobody.
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

    /** The connections that are open now pass nothing on any more; later ones do. */
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
