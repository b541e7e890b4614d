import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * `cut` closes the connection instead of forwarding the statement; `swallow` keeps it open without a response; `lose-answer`
 * forwards the statement and closes the connection instead of forwarding the response.
 */
export type Fault = 'cut' | 'swallow' | 'lose-answer';

/** A proxy between the app and PostgreSQL that can make one statement fail. */
export async function startFaultyProxy(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const clients = new Set<Socket>();
  let planned: { text: string; fault: Fault; met: () => void } | undefined;

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    clients.add(client);
    let losesAnswer = false;
    upstream.on('data', (chunk) => (losesAnswer ? client.destroy() : client.write(chunk)));
    upstream.on('end', () => client.end());
    let mute = false;
    client.on('data', (chunk) => {
      if (mute) return;
      if (!planned || !chunk.includes(planned.text)) return void upstream.write(chunk);
      const { fault, met } = planned;
      planned = undefined;
      met();
      if (fault === 'cut') return void client.destroy();
      if (fault === 'swallow') mute = true;
      if (fault === 'lose-answer') {
        losesAnswer = true;
        upstream.write(chunk);
      }
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

    /** Applies the fault to the next statement with this text. @returns whether it has been applied. */
    fail(text: string, fault: Fault): () => boolean {
      let isMet = false;
      planned = { text, fault, met: () => (isMet = true) };
      return () => isMet;
    },

    /** Removes a fault that has not been applied. */
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
