import { randomUUID } from 'node:crypto';
import { type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from './logger.ts';

/** Answers of Node's HTTP parser, by its error codes. */
const PROBLEMS: Readonly<Record<string, { status: number; code: string; message: string }>> = {
  HPE_HEADER_OVERFLOW: {
    ...{ status: 431, code: 'headers_too_large' },
    message: 'The address and headers of the request are larger than 16 kB together.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    ...{ status: 408, code: 'request_timeout' },
    message: 'The request took too long to arrive. Send it again.',
  },
};
const UNREADABLE = { status: 400, code: 'invalid_request', message: 'The request is not valid HTTP.' };
const EXPECTATION = {
  ...{ status: 417, code: 'expectation_failed' },
  message: 'This server knows no expectation but 100-continue.',
};

/** One line a minute, however many are dropped. */
const REPORT_EVERY_MS = 60_000;

/**
 * Requests that never reach the application, because they are not valid HTTP, come too slowly, or are one connection too
 * many, are answered in the shape of all errors of this server and logged.
 */
export function answerUnreadableRequests(server: Server, logger: Logger): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // Node's own rule: an answer that is under way must not be mixed with this one.
    const answering = (socket as Duplex & { _httpMessage?: ServerResponse })._httpMessage;
    if (error.code === 'ECONNRESET' || !socket.writable || answering?.headersSent)
      return void socket.destroy();
    const { status, headers, body } = answerTo(PROBLEMS[error.code ?? ''] ?? UNREADABLE, error.code);
    const lines = Object.entries({ ...headers, Connection: 'close' });
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      ...lines.map(([name, value]) => `${name}: ${value}`),
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  });

  server.on('checkExpectation', (_req, res) => {
    const { status, headers, body } = answerTo(EXPECTATION);
    res.writeHead(status, headers).end(body);
  });

  let dropped = 0;
  let reportedAt = Number.NEGATIVE_INFINITY;
  server.on('drop', () => {
    dropped += 1;
    if (performance.now() - reportedAt < REPORT_EVERY_MS) return;
    reportedAt = performance.now();
    logger.warn({ dropped }, 'a connection more than this process takes was closed at once');
  });

  function answerTo({ status, code, message }: typeof UNREADABLE, reason?: string) {
    const requestId = randomUUID();
    const body = JSON.stringify({ error: { code, message, requestId } });
    logger.info({ req: { id: requestId }, res: { status }, reason }, message);
    return {
      status,
      headers: {
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': Buffer.byteLength(body),
        'Cache-Control': 'no-store',
        'Content-Security-Policy': "default-src 'none'",
        'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
        'X-Content-Type-Options': 'nosniff',
        'X-Request-Id': requestId,
      },
      body,
    };
  }
}
