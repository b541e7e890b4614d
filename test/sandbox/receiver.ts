import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Signature } from '@hubspot/api-client';
import { client } from './hubspot.ts';

export interface Received {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

interface Answer {
  status: number;
  body?: unknown;
}

/** A stand-in for the app that keeps what it gets and answers as told. */
export async function startReceiver() {
  const received: Received[] = [];
  const watchers = new Set<() => void>();
  let answer: (request: Received) => Answer | Promise<Answer> = () => ({ status: 204 });

  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const request: Received = {
      method: req.method ?? '',
      url: req.url ?? '',
      headers: req.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    };
    const { status, body } = await answer(request);
    res.statusCode = status;
    res.end(body === undefined ? undefined : JSON.stringify(body), () => {
      received.push(request);
      for (const watcher of watchers) watcher();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    received,
    answerWith(next: typeof answer) {
      answer = next;
    },
    /** Resolves when the condition holds for what has been received. */
    until(condition: (all: Received[]) => boolean): Promise<Received[]> {
      return new Promise((resolve) => {
        const look = () => {
          if (!condition(received)) return;
          watchers.delete(look);
          resolve(received);
        };
        watchers.add(look);
        look();
      });
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: events have many shapes
export const eventsOf = (requests: Received[]): any[] => requests.flatMap(({ body }) => JSON.parse(body));

/** HubSpot's own client checks the signatures. */
export function isSigned(
  appUrl: string,
  { method, url, headers, body }: Received,
  version: 'v1' | 'v2' | 'v3',
): boolean {
  return Signature.isValid({
    signatureVersion: version,
    signature: String(headers[version === 'v3' ? 'x-hubspot-signature-v3' : 'x-hubspot-signature']),
    clientSecret: client.client_secret,
    requestBody: body,
    method,
    url: appUrl + url,
    timestamp: Number(headers['x-hubspot-request-timestamp']),
  });
}
