import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Exchange {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly requestBody: string;
  readonly responseBody: string;
}

/** A proxy between the app and the sandbox that forwards everything unchanged and records it. */
export async function startRecordingProxy(targetUrl: string) {
  const exchanges: Exchange[] = [];
  const server = createServer(async (req, res) => {
    const requestBody = await buffer(req);
    const { method, headers, url: path = '/' } = req;
    const onward = request(targetUrl + path, { method, headers }).end(requestBody);
    const { authorization } = headers;
    try {
      const [answer] = (await once(onward, 'response')) as [IncomingMessage];
      const responseBody = await buffer(answer);
      exchanges.push({ path, authorization, requestBody: `${requestBody}`, responseBody: `${responseBody}` });
      res.writeHead(answer.statusCode ?? 502, answer.headers).end(responseBody);
    } catch {
      // Sent requests count, answered or not.
      exchanges.push({ path, authorization, requestBody: `${requestBody}`, responseBody: '' });
      res.destroy();
    }
  });
  server.listen(0);
  await once(server, 'listening');

  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    exchanges,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
