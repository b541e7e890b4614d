import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A proxy between the app and the sandbox that can delay a response while the test does something. */
export async function startAnswerGate() {
  let target = '';
  let held: { path: string; work: () => Promise<void> } | undefined;
  let shut: { path: string; opened: Promise<void>; waiting: number } | undefined;
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
    if (shut && path.includes(shut.path)) {
      shut.waiting += 1;
      await shut.opened;
    }
    res.writeHead(answer.statusCode ?? 502, answer.headers).end(body);
  });
  await once(server.listen(0), 'listening');

  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,

    passTo(url: string): void {
      target = url;
    },

    /** Delays the next response for such a path until `work` is done. */
    beforeAnswer(path: string, work: () => Promise<void>): void {
      held = { path, work };
    },

    /** Delays every response for such a path until `open` is called. */
    shut(path: string): { waiting(): number; open(): void } {
      const { promise: opened, resolve } = Promise.withResolvers<void>();
      const gate = { path, opened, waiting: 0 };
      shut = gate;
      return { waiting: () => gate.waiting, open: resolve };
    },

    async close(): Promise<void> {
      server.close();
      server.closeAllConnections();
    },
  };
}
