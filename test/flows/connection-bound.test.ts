import { once } from 'node:events';
import { createServer, get, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { boundConnections } from '../../app/http/connection-bound.ts';
import { createMemoryLog, type LogLine } from '../helpers/memory-log.ts';
import { until } from '../helpers/until.ts';

const MOST = 10;

describe('when the limit of open connections is reached', () => {
  let server: ReturnType<typeof createServer>;
  let port: number;
  let lines: LogLine[];
  let sockets: Socket[];
  let unanswered: ServerResponse[];

  beforeEach(async () => {
    [sockets, unanswered] = [[], []];
    const log = createMemoryLog();
    lines = log.lines;
    server = createServer((req, res) => {
      if (req.url === '/slow') unanswered.push(res);
      else req.resume().on('end', () => res.end('done'));
    });
    boundConnections(server, MOST, log.logger);
    await once(server.listen(0), 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  });

  async function open(sent = ''): Promise<Socket> {
    const socket = connect(port, 'localhost').on('error', () => {});
    sockets.push(socket);
    await once(socket, 'connect');
    if (sent) socket.write(sent);
    return socket;
  }

  /** As many as the bound, each seen by the server before the next one. */
  async function fill(sent: string, isSeen = async () => true): Promise<void> {
    for (let index = 0; index < MOST * 3; index += 1) {
      await open(sent);
      await until('the connection to be seen', isSeen);
    }
  }

  const status = () =>
    new Promise<number | string>((resolve) => {
      get({ port, agent: false }, (res) => resolve(res.resume().statusCode ?? 0)).on(
        'error',
        (error: NodeJS.ErrnoException) => resolve(error.code ?? ''),
      );
    });

  const openCount = () =>
    new Promise<number>((resolve, reject) => {
      server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });

  it.each([
    ['that send nothing', ''],
    ['that stop in the head', 'GET / HTTP/1.1\r\nHost: x\r\n'],
    ['that are idle after an answer', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['that hold back their body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc'],
  ])('connections %s are evicted for a new request', async (_what, sent) => {
    await fill(sent, async () => (await openCount()) <= MOST);
    expect(await status()).toBe(200);
    await until('the bound to hold', async () => (await openCount()) <= MOST);
    expect(lines.filter(({ closed }) => closed !== undefined)).toHaveLength(1);
  });

  it('a request that waits for its answer keeps its connection', async () => {
    for (let index = 0; index < MOST - 1; index += 1) {
      await open('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
      await until('the request', () => unanswered.length === index + 1);
    }
    for (let index = 0; index < MOST; index += 1) await open();
    expect(await status()).toBe(200);
    for (const res of unanswered) expect(res.destroyed).toBe(false);
  });

  it('a new connection is closed at once when all others wait for an answer, which is logged once', async () => {
    for (let index = 0; index < MOST; index += 1) {
      await open('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
      await until('the request', () => unanswered.length === index + 1);
    }
    for (let index = 0; index < 3; index += 1) expect(await status()).toMatch(/^E[A-Z]+$/);
    expect(lines.filter(({ dropped }) => dropped !== undefined)).toHaveLength(1);
  });
});
