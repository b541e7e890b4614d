import { type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '../base/logger.ts';
import { type Problem, plainAnswer } from './plain-answer.ts';

/** Answers to requests that Node's HTTP parser rejects, by error code. */
const PROBLEMS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'headers_too_large',
    message: 'The address and headers of the request are larger than 16 kB together.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: 'request_timeout',
    message: 'The request took too long to arrive. Send it again.',
  },
};
const UNREADABLE: Problem = {
  status: 400,
  code: 'invalid_request',
  message: 'The request is not valid HTTP.',
};
const EXPECTATION: Problem = {
  status: 417,
  code: 'expectation_failed',
  message: 'This server supports no expectation except 100-continue.',
};

/** Node keeps the pending response of a connection here. */
export type HttpSocket = Socket & { readonly _httpMessage?: ServerResponse | null };

/**
 * Answers and logs requests that Node rejects because they are not valid HTTP or arrive too slowly, with the same body
 * and headers as all errors of this server. Also closes the connection, because Node no longer times it out.
 */
export function answerUnreadableRequests(server: Server, logger: Logger): void {
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    const socket = stream as HttpSocket;
    const pending = socket._httpMessage;
    if (error.code === 'ECONNRESET' || !socket.writable || pending?.headersSent) return void socket.destroy();
    const problem = PROBLEMS[error.code ?? ''] ?? UNREADABLE;
    if (pending) {
      answerWith(pending, problem, error.code);
    } else {
      const { headers, body } = answerTo(problem, error.code);
      const lines = Object.entries({ ...headers, Connection: 'close' }).map((header) => header.join(': '));
      const { status } = problem;
      socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
    }
    socket.destroySoon();
  });

  server.on('checkExpectation', (_req, res) => answerWith(res, EXPECTATION));

  /** Requests that reached Express are in the request log already; the others are logged here. */
  function answerWith(res: ServerResponse, problem: Problem, reason?: string): void {
    const known = res.getHeader('x-request-id');
    const { headers, body } = known ? plainAnswer(problem, String(known)) : answerTo(problem, reason);
    res.writeHead(problem.status, { ...headers, Connection: 'close' }).end(body);
  }

  function answerTo(problem: Problem, reason?: string) {
    const answer = plainAnswer(problem);
    logger.info({ req: { id: answer.requestId }, res: { status: problem.status }, reason }, problem.message);
    return answer;
  }
}
