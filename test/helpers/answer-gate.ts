import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Stands between the app and the sandbox, and can hold back an answer while the test does something. */
export async function startAnswerGate() {
  let target = '';
  let held: { path: string; work: () => Promise<void> } | undefined;
  const server = createServer(async (req, res) => {
    const { method, headers, url: path = '/' } = req;
    const onward = request(target + path, { method, headers }).end(await buffer(req));
    onward.on('error', () => res.destroy());
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    const body = await buffer(answer);
    if (held && path.includes(held.path)) {
      const { work } = held;
      held = undefined;
      await work();
    }
    res.writeHead(answer.statusCode ?? 502, answer.headers).end(body);
  });
  await once(server.listen(0), 'listening');

  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,

    passTo(url: string): void {
      target = url;
    },

    /** The next answer to such a path comes when `work` is done. */
    beforeAnswer(path: string, work: () => Promise<void>): void {
      held = { path, work };
    },

    async close(): Promise<void> {
      server.close();
      server.closeAllConnections();
    },
  };
}
