import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request and its response, as sent. */
export interface Exchange {
  readonly method: string;
  /** Without the query, percent-encoding kept. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly requestType?: string | undefined;
  readonly requestBody: string;
  readonly status: number;
  readonly responseType?: string | undefined;
  readonly responseBody: string;
}

/** A proxy for a server that forwards requests unchanged and records the exchanges. */
export async function startRecordingProxy(target: string) {
  const exchanges: Exchange[] = [];
  const server = createServer(async (req, res) => {
    const { method = 'GET', headers, url = '/' } = req;
    const requestBody = await text(req);
    const onward = request(target + url, { method, headers }).end(requestBody);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    const responseBody = await text(answer);
    const { pathname: path, searchParams: query } = new URL(url, target);
    exchanges.push({
      method,
      path,
      query,
      requestType: headers['content-type'],
      requestBody,
      status: answer.statusCode ?? 0,
      responseType: answer.headers['content-type'],
      responseBody,
    });
    res.writeHead(answer.statusCode ?? 502, answer.headers).end(responseBody);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');

  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    exchanges: exchanges as readonly Exchange[],
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
