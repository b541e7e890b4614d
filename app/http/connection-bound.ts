import type { Server } from 'node:http';
import type { Logger } from '../base/logger.ts';
import type { HttpSocket } from './unreadable-requests.ts';

/** At most one log line a minute. */
const REPORT_EVERY_MS = 60_000;

/**
 * Limits the open connections. Rejecting the newest would let strangers lock HubSpot out by holding connections open, so
 * one that waits for no answer is evicted instead: the oldest that never sent a request, else the oldest idle one, else
 * the oldest whose request is still arriving.
 */
export function boundConnections(server: Server, most: number, logger: Logger): void {
  /** Oldest first. */
  const open = new Set<HttpSocket>();
  const closed = createReporter((count) =>
    logger.warn({ closed: count, most }, 'waiting connections were closed to make room for new ones'),
  );
  const dropped = createReporter((count) =>
    logger.warn({ dropped: count, most }, 'new connections were closed: all others wait for an answer'),
  );

  // Evicted connections take a moment to close; Node itself drops what exceeds this reserve.
  server.maxConnections = most + Math.ceil(most / 10);
  server.on('drop', dropped);
  server.on('connection', (socket: HttpSocket) => {
    const waiting = open.size >= most ? longestWaiting(open) : undefined;
    if (open.size >= most && !waiting) {
      dropped();
      return void socket.destroy();
    }
    if (waiting) {
      open.delete(waiting);
      waiting.destroy();
      closed();
    }
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
}

function longestWaiting(open: ReadonlySet<HttpSocket>): HttpSocket | undefined {
  let idle: HttpSocket | undefined;
  let sending: HttpSocket | undefined;
  for (const socket of open) {
    const response = socket._httpMessage;
    if (response) sending ??= response.req.complete ? undefined : socket;
    else if (socket.bytesWritten === 0) return socket;
    else idle ??= socket;
  }
  return idle ?? sending;
}

/** Counts, and reports the count at most once a minute. */
function createReporter(report: (count: number) => void): () => void {
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    timer = undefined;
    if (count === 0) return;
    report(count);
    count = 0;
    timer = setTimeout(flush, REPORT_EVERY_MS).unref();
  };
  return () => {
    count += 1;
    if (!timer) flush();
  };
}
