import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { type Socket, Server as TcpServer } from 'node:net';
import pTimeout from 'p-timeout';
import { plainAnswer } from './plain-answer.ts';

export interface Listening {
  /** Accepts no new connections, answers all requests on the open ones, and closes each after its last answer. */
  close(limits?: CloseLimits): Promise<void>;
}

interface CloseLimits {
  /** How long idle connections stay open: their callers may be sending a request at this moment. */
  readonly idleMs?: number;
  /** How long requests may take before they are answered with 503. */
  readonly answerMs?: number;
}

/**
 * Resolves when the server accepts connections; rejects when the port is taken.
 *
 * Closes without http-terminator 3.2 or stoppable 1.1: both close idle connections at once, which cuts off a request
 * that is on its way, and cut off late requests without an answer. `test/http/listen.test.ts` fails with them.
 */
export async function listen(server: Server, port: number): Promise<Listening> {
  /** The last response of each open connection. */
  const answers = new Map<Socket, ServerResponse | undefined>();
  server.on('connection', (socket) => {
    answers.set(socket, undefined);
    socket.once('close', () => answers.delete(socket));
  });
  server.prependListener('request', ({ socket }, res) => answers.set(socket, res));
  // Routers keep idle connections for up to 60 seconds; a longer time avoids closing one that a router is about to use.
  server.keepAliveTimeout = 65_000;
  server.listen(port);
  await once(server, 'listening');

  const unanswered = () =>
    [...answers.values()].filter((res) => res?.headersSent === false) as ServerResponse[];

  return {
    async close({ idleMs = 0, answerMs = 10_000 } = {}) {
      const closed = once(server, 'close');
      unanswered().forEach(makeLast);
      server.prependListener('request', (_req, res) => makeLast(res));
      const tooLong = setTimeout(() => {
        unanswered().forEach(reject);
        // On these no request has arrived.
        for (const [socket, res] of answers) if (!res) socket.destroy();
      }, answerMs);
      // The close() of HTTP servers closes idle connections at once.
      TcpServer.prototype.close.call(server);
      await pTimeout(closed, { milliseconds: Math.max(1, idleMs), message: false });
      server.close();
      // A connection that becomes idle later would stay open for its keep-alive time.
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      await closed;
      clearInterval(sweep);
      clearTimeout(tooLong);
    },
  };
}

const makeLast = (res: ServerResponse) => void res.setHeader('Connection', 'close');

const STOPPING = {
  status: 503,
  code: 'stopping',
  message: 'This server is stopping and did not finish the request in time. Send it again.',
};

/** The handler may still be running; what it writes after this answer is ignored. */
function reject(res: ServerResponse): void {
  const { headers, body } = plainAnswer(STOPPING, res.getHeader('x-request-id')?.toString());
  res.writeHead(STOPPING.status, { ...headers, 'Retry-After': '5' }).end(body);
}
