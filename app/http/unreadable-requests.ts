import { type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '../base/logger.ts';
import { bareAnswer, type Problem } from './bare-answer.ts';

/** Answers to what Node's HTTP parser refuses, by its error codes. */
const PROBLEMS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: {
    ...{ status: 431, code: 'headers_too_large' },
    message: 'The address and headers of the request are larger than 16 kB together.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    ...{ status: 408, code: 'request_timeout' },
    message: 'The request took too long to arrive. Send it again.',
  },
};
const UNREADABLE: Problem = {
  ...{ status: 400, code: 'invalid_request', message: 'The request is not valid HTTP.' },
};
const EXPECTATION: Problem = {
  ...{ status: 417, code: 'expectation_failed' },
  message: 'This server knows no expectation but 100-continue.',
};

/** Node keeps the response that a connection is owed here. */
export type HttpSocket = Socket & { readonly _httpMessage?: ServerResponse | null };

/**
 * Requests that Node refuses before the application has all of them, because they are not valid HTTP or come too
 * slowly, are answered in the shape of all errors of this server and logged. Their connection is closed from this
 * side too: Node no longer times it out, so a client that keeps its side open would hold it for good.
 */
export function answerUnreadableRequests(server: Server, logger: Logger): void {
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    const socket = stream as HttpSocket;
    const owed = socket._httpMessage;
    if (error.code === 'ECONNRESET' || !socket.writable || owed?.headersSent) return void socket.destroy();
    const problem = PROBLEMS[error.code ?? ''] ?? UNREADABLE;
    if (owed) {
      answerWith(owed, problem, error.code);
    } else {
      const { headers, body } = answerTo(problem, error.code);
      const lines = Object.entries({ ...headers, Connection: 'close' }).map((header) => header.join(': '));
      const { status } = problem;
      socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
    }
    socket.destroySoon();
  });

  server.on('checkExpectation', (_req, res) => answerWith(res, EXPECTATION));

  /** The request log has a line for each request that reached Express; the others get theirs here. */
  function answerWith(res: ServerResponse, problem: Problem, reason?: string): void {
    const known = res.getHeader('x-request-id');
    const { headers, body } = known ? bareAnswer(problem, String(known)) : answerTo(problem, reason);
    res.writeHead(problem.status, { ...headers, Connection: 'close' }).end(body);
  }

  function answerTo(problem: Problem, reason?: string) {
    const answer = bareAnswer(problem);
    logger.info({ req: { id: answer.requestId }, res: { status: problem.status }, reason }, problem.message);
    return answer;
  }
}
