import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { json, text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type Listening, listen } from '../../app/http/listen.ts';

describe('a server that is being stopped', () => {
  const agent = new Agent({ keepAlive: true });
  let listening: Listening | undefined;
  afterEach(async () => {
    agent.destroy();
    await listening?.close();
    listening = undefined;
  });

  async function start(handler: RequestListener): Promise<number> {
    const server = createServer(handler);
    listening = await listen(server, 0);
    return (server.address() as AddressInfo).port;
  }

  async function request(port: number): Promise<IncomingMessage> {
    const [answer] = await once(get({ port, agent, path: '/' }), 'response');
    return answer;
  }

  it('sends Connection: close with the answer of a running request', async () => {
    const begun = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const port = await start(async (_req, res) => {
      begun.resolve();
      await gate.promise;
      res.end('done');
    });
    const answer = request(port);
    await begun.promise;
    const closed = listening?.close({ idleMs: 0 });
    gate.resolve();
    const { headers, statusCode } = await answer;
    expect([statusCode, headers.connection]).toEqual([200, 'close']);
    expect(await text(await answer)).toBe('done');
    await closed;
  });

  it('answers a request that arrives on an idle connection, and closes the connection', async () => {
    const port = await start((_req, res) => res.end('done'));
    const first = await request(port);
    expect(first.headers.connection).toBe('keep-alive');
    await text(first);
    const closed = listening?.close({ idleMs: 20_000 });
    const last = await request(port);
    expect([last.headers.connection, await text(last)]).toEqual(['close', 'done']);
    await closed;
  });

  it('does not wait for a connection without a complete request head', async () => {
    const port = await start((_req, res) => res.end('done'));
    const silent = connect(port, 'localhost');
    const half = connect(port, 'localhost');
    half.write('POST / HTTP/1.1\r\nHost: loc');
    await Promise.all([silent, half].map((socket) => once(socket, 'connect')));
    await text(await request(port));
    const closed = listening?.close({ idleMs: 0, answerMs: 50 });
    await Promise.all([silent, half].map((socket) => once(socket.on('error', () => {}).resume(), 'close')));
    await closed;
  });

  it('answers 503 when a request takes too long, and when its body never arrives in full', async () => {
    const gate = Promise.withResolvers<void>();
    const both = Promise.withResolvers<void>();
    let requests = 0;
    const port = await start(async (_req, res) => {
      requests += 1;
      if (requests === 2) both.resolve();
      await gate.promise;
      res.statusCode = 204;
      res.end('too late');
    });
    const answer = request(port);
    const half = connect(port, 'localhost');
    half.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf');
    await both.promise;
    const closed = listening?.close({ idleMs: 0, answerMs: 50 });
    const { statusCode, headers } = await answer;
    expect([statusCode, headers['retry-after'], headers.connection]).toEqual([503, '5', 'close']);
    expect(await json(await answer)).toEqual({
      error: { code: 'stopping', message: expect.any(String), requestId: headers['x-request-id'] },
    });
    expect(await text(half)).toMatch(/^HTTP\/1\.1 503 .*"code":"stopping"/s);
    // The late answer is ignored.
    gate.resolve();
    await closed;
  });

  it('keeps idle connections for longer than a router while it runs', async () => {
    const port = await start((_req, res) => res.end('done'));
    const answer = await request(port);
    expect(answer.headers['keep-alive']).toBe('timeout=65');
    await text(answer);
  });
});
