import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { answerUnreadableRequests } from '../../app/unreadable-requests.ts';
import { createMemoryLog } from '../helpers/memory-log.ts';
import { rawRequest } from '../helpers/raw-request.ts';
import { until } from '../helpers/until.ts';

const { logger, lines } = createMemoryLog();
const server = createServer({ requestTimeout: 100, connectionsCheckingInterval: 50 }, (_req, res) =>
  res.end(),
);
let port: number;

beforeAll(async () => {
  answerUnreadableRequests(server, logger);
  await once(server.listen(0), 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

it.each([
  ['is not HTTP', 'nonsense\r\n\r\n', 400, 'invalid_request'],
  [
    'has more headers than are read',
    `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    431,
    'headers_too_large',
  ],
  ['does not come to its end', 'GET / HTTP/1.1\r\nHost: localhost\r\n', 408, 'request_timeout'],
  [
    'expects something',
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: tea\r\n\r\n',
    417,
    'expectation_failed',
  ],
])(
  'a request that %s is answered in the shape of all errors, and logged',
  async (_what, sent, status, code) => {
    const socket = connect(port, 'localhost');
    socket.write(sent);
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(head).toMatch(/^X-Content-Type-Options: nosniff$/im);
    expect(head).toMatch(/^Cache-Control: no-store$/im);
    const [, requestId] = /^X-Request-Id: (.+)$/im.exec(head) ?? [];
    expect(JSON.parse(body)).toEqual({ error: { code, message: expect.any(String), requestId } });
    expect(lines.find(({ req }) => (req as { id?: string })?.id === requestId)).toMatchObject({
      res: { status },
    });
  },
);

it('connections beyond the bound are closed, and the log says how many once in a while', async () => {
  server.maxConnections = 0;
  try {
    for (let dropped = 0; dropped < 3; dropped += 1) {
      const refused = rawRequest(`http://localhost:${port}`, { method: 'GET', target: '/' });
      await expect(refused).rejects.toThrow();
    }
  } finally {
    server.maxConnections = 100;
  }
  const drops = await until('the line', () => lines.filter(({ dropped }) => dropped !== undefined));
  expect(drops).toHaveLength(1);
});
