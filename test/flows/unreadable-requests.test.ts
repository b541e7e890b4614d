import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SECURITY_HEADERS } from '../../app/http/security-headers.ts';
import { answerUnreadableRequests } from '../../app/http/unreadable-requests.ts';
import { createDatabase } from '../helpers/database.ts';
import { createMemoryLog } from '../helpers/memory-log.ts';
import { freePort, startProcess } from '../helpers/processes.ts';
import { API_KEY, testSettings } from '../helpers/settings.ts';
import { until } from '../helpers/until.ts';

const { logger, lines } = createMemoryLog();
const server = createServer({ requestTimeout: 1_500, connectionsCheckingInterval: 100 }, (req, res) => {
  req.resume().on('end', () => res.end());
});
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
])('a request that %s gets the common error format and is logged', async (_what, sent, status, code) => {
  const socket = connect(port, 'localhost');
  socket.write(sent);
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  for (const [name, value] of Object.entries({ ...SECURITY_HEADERS, 'cache-control': 'no-store' }))
    expect(head.toLowerCase()).toContain(`\r\n${name}: ${value}`.toLowerCase());
  const [, requestId] = /^X-Request-Id: (.+)$/im.exec(head) ?? [];
  expect(JSON.parse(body)).toEqual({ error: { code, message: expect.any(String), requestId } });
  const own = lines.filter(({ req }) => (req as { id?: string })?.id === requestId);
  expect(own).toMatchObject([{ res: { status } }]);
});

it.each([
  ['in its head', 'GET / HTTP/1.1\r\nHost: x\r\n', 408],
  ['in its body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc', 408],
  ['in a chunk', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
])(
  'a request that stops %s is disconnected, although its client keeps its side open',
  async (_what, sent, status) => {
    const from = lines.length;
    const socket = connect({ port, host: 'localhost', allowHalfOpen: true });
    socket.on('error', () => {}).write(sent);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    await until('the connection to be closed', async () => (await connections()) === 0);
    expect(lines.slice(from)).toMatchObject([{ res: { status } }]);
    socket.destroy();
  },
);

const connections = () =>
  new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });

it('an invalid chunked body is answered once by the real server and logged with one id', async () => {
  const database = await createDatabase();
  const appPort = await freePort();
  const serverUrl = `http://localhost:${appPort}`;
  const settings = testSettings({ databaseUrl: database.url, serverUrl, sandboxUrl: 'http://localhost:9' });
  const web = await startProcess('app/server.ts', { ...settings, LOG_LEVEL: 'info' });
  try {
    for (const head of [
      'POST /webhook HTTP/1.1\r\nX-HubSpot-Signature-v3: made-up',
      `PUT /marketing-events/a/b HTTP/1.1\r\nAuthorization: Bearer ${API_KEY}`,
    ]) {
      const socket = connect(appPort, 'localhost').on('error', () => {});
      socket.write(`${head}\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n`);
      socket.write('zz\r\n');
      const answer = await text(socket);
      expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400']);
      const [, requestId = ''] = /x-request-id: (.+)\r/i.exec(answer) ?? [];
      expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ error: { requestId } });
      const own = await until('its line', () => {
        const found = web
          .output()
          .split('\n')
          .filter((line) => line.includes('"status":400') && line.includes(requestId));
        return found.length > 0 && found;
      });
      expect(own).toHaveLength(1);
    }
    expect((await fetch(`${serverUrl}/healthz`)).status).toBe(200);
  } finally {
    await web.kill();
    await database.drop();
  }
});
