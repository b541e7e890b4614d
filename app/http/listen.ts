import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { type Socket, Server as TcpServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { bareAnswer } from './bare-answer.ts';

export interface Listening {
  /**
   * Accepts no new connection, answers every request under way or still coming on an open one, and then closes that
   * one, so that no request is cut off.
   */
  close(patience?: Patience): Promise<void>;
}

interface Patience {
  /** For how long a connection not in use is kept: its caller may be sending the next request just now. */
  readonly idleMs?: number;
  /** For how long requests may take; those that take longer are refused with 503. */
  readonly answerMs?: number;
}

/** Resolves when the server accepts connections; rejects when the port is taken. */
export async function listen(server: Server, port: number): Promise<Listening> {
  /** The open connections, with the answer that each had last or is owed. */
  const answers = new Map<Socket, ServerResponse | undefined>();
  server.on('connection', (socket) => {
    answers.set(socket, undefined);
    socket.once('close', () => answers.delete(socket));
  });
  server.prependListener('request', ({ socket }, res) => answers.set(socket, res));
  // Longer than the 60 seconds for which a router may keep an idle connection: we never close one it is about to use.
  server.keepAliveTimeout = 65_000;
  server.listen(port);
  await once(server, 'listening');

  const owed = () => [...answers.values()].filter((res) => res?.headersSent === false) as ServerResponse[];

  return {
    async close({ idleMs = 0, answerMs = 10_000 } = {}) {
      const closed = once(server, 'close');
      owed().forEach(makeLast);
      server.prependListener('request', (_req, res) => makeLast(res));
      const tooLong = setTimeout(() => {
        owed().forEach(refuse);
        // Whoever has not sent the head of a request by now is owed none.
        for (const [socket, res] of answers) if (!res) socket.destroy();
      }, answerMs);
      // The close() of HTTP servers would close idle connections at once.
      TcpServer.prototype.close.call(server);
      await Promise.race([closed, pause(idleMs, undefined, { ref: false })]);
      server.close();
      // A connection that ends its last answer only now would otherwise stay for its keep-alive time.
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      await closed;
      clearInterval(sweep);
      clearTimeout(tooLong);
    },
  };
}

const makeLast = (res: ServerResponse) => void res.setHeader('Connection', 'close');

const STOPPING = {
  ...{ status: 503, code: 'stopping' },
  message: 'This server is being stopped and did not finish in time. Send the request again.',
};

/** What was to answer may be stuck, and writes after this one. */
function refuse(res: ServerResponse): void {
  const { headers, body } = bareAnswer(STOPPING, res.getHeader('x-request-id')?.toString());
  res.writeHead(STOPPING.status, { ...headers, 'Retry-After': '5' }).end(body);
}
