import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** `cut` closes the connection instead of passing the statement on; `swallow` leaves it open and mute. */
export type Fault = 'cut' | 'swallow';

/** Stands between the app and PostgreSQL, and can make one statement meet a fault. */
export async function startFaultyProxy(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const clients = new Set<Socket>();
  let planned: { text: string; fault: Fault; met: () => void } | undefined;

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    clients.add(client);
    upstream.pipe(client);
    let mute = false;
    client.on('data', (chunk) => {
      if (mute) return;
      if (!planned || !chunk.includes(planned.text)) return void upstream.write(chunk);
      const { fault, met } = planned;
      planned = undefined;
      met();
      if (fault === 'cut') client.destroy();
      else mute = true;
    });
    for (const [one, other] of [[client, upstream] as const, [upstream, client] as const]) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
    client.on('close', () => clients.delete(client));
  });
  await once(server.listen(0), 'listening');
  const url = new URL(databaseUrl);
  url.hostname = 'localhost';
  url.port = String((server.address() as AddressInfo).port);

  return {
    url: url.href,

    /** The next statement that holds this text never arrives. @returns whether one has met the fault. */
    fail(text: string, fault: Fault): () => boolean {
      let isMet = false;
      planned = { text, fault, met: () => (isMet = true) };
      return () => isMet;
    },

    /** Nothing is to fail any more. */
    mend(): void {
      planned = undefined;
    },

    async close(): Promise<void> {
      for (const client of clients) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
