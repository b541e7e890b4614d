import type { Server } from 'node:http';
import type { Logger } from '../base/logger.ts';
import type { HttpSocket } from './unreadable-requests.ts';

/** One line a minute, however many are closed. */
const REPORT_EVERY_MS = 60_000;

/**
 * Bounds the open connections. To refuse the newest would let strangers who hold theirs open lock HubSpot out, so a
 * connection on which no answer is under way makes room for it: the oldest that never sent a request, else the oldest
 * that is idle, else the oldest whose request is still coming in.
 */
export function boundConnections(server: Server, most: number, logger: Logger): void {
  /** The oldest first. */
  const open = new Set<HttpSocket>();
  const closed = createReporter((count) =>
    logger.warn({ closed: count, most }, 'connections in wait were closed to make room for new ones'),
  );
  const dropped = createReporter((count) =>
    logger.warn({ dropped: count, most }, 'new connections were closed: all others await an answer'),
  );

  // A burst may come before those that made room are closed. Beyond this Node refuses it unseen.
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

/** Counts, and reports the count at most once a minute; what comes after a report is in the next one. */
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
