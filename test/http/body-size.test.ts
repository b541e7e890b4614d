import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import { expectError } from '../helpers/expect-error.ts';
import { API_KEY } from '../helpers/settings.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const CONTACT = '/hubid/62515/contact/jane@example.com';
const TIMELINE = '/hubid/62515/timeline/jane@example.com';
const EVENT = '/marketing-events/acct/day-1';
const BODY_ROUTES = [
  ['POST', CONTACT],
  ['PUT', TIMELINE],
  ['PUT', EVENT],
] as const;

describe('the size of a body', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    expect((await world.install()).status).toBe(200);
  });
  afterAll(() => world.close());

  const large = Buffer.alloc(10_000_000, 'a');

  it.each([...BODY_ROUTES, ['POST', '/webhook'] as const])(
    '%s %s with 10 MB is answered with 413, and the server still answers',
    async (method, path) => {
      const answer = await send(method, path, large, { 'x-hubspot-signature-v3': 'any' });
      const message = await expectError(answer, 413, 'body_too_large');
      expect(message).toBe(`The body is larger than ${path === '/webhook' ? 8 : 1} MB. Nothing was stored.`);
      expect((await world.app('/healthz')).status).toBe(200);
    },
  );

  it('is limited after decompression', async () => {
    const bomb = new Blob([large]).stream().pipeThrough(new CompressionStream('gzip'));
    const body = await new Response(bomb).arrayBuffer();
    expect(body.byteLength).toBeLessThan(100_000);
    const answer = await send('POST', CONTACT, Buffer.from(body), { 'content-encoding': 'gzip' });
    await expectError(answer, 413, 'body_too_large');
  });

  it('is not checked for unauthorized callers, whose body is not read', async () => {
    await expectError(await world.app('/webhook', { method: 'POST', body: large }), 401, 'unauthorized');
    for (const [method, path] of BODY_ROUTES) {
      await expectError(await world.app(path, { method, body: large }), 401, 'unauthorized');
    }
    expect((await world.app('/healthz')).status).toBe(200);
  });

  it('may be that of a hundred events with HubSpot’s longest values', async () => {
    const event = { portalId: 62515, subscriptionType: 'x', propertyValue: 'a'.repeat(65_536) };
    const body = JSON.stringify(Array.from({ length: 100 }, () => event));
    expect((await signed('/webhook', 'POST', body)).status).toBe(204);
  });

  it('is limited in total for unverified callers, and freed when they disconnect', async () => {
    const { host, port } = new URL(world.serverUrl);
    const head = `POST /webhook HTTP/1.1\r\nHost: ${host}\r\nX-HubSpot-Signature-v3: any\r\n`;
    const answers: string[] = [];
    const sockets = Array.from({ length: 10 }, () => {
      const socket = connect(Number(port), 'localhost');
      socket.on('data', (chunk) => answers.push(chunk.toString())).on('error', () => {});
      socket.write(`${head}Content-Length: 8000000\r\n\r\n`);
      socket.write(Buffer.alloc(7_900_000));
      return socket;
    });
    await until('an error', () => answers.length > 0);
    expect(answers[0]).toMatch(/^HTTP\/1\.1 503 .*Retry-After: 2.*"code":"busy"/s);
    // Small bodies are still accepted.
    expect((await signed('/webhook', 'POST', '[]')).status).toBe(204);
    for (const socket of sockets) socket.destroy();
    const large = `[${' '.repeat(5_000_000)}]`;
    await until(
      'a large one to be taken',
      async () => (await signed('/webhook', 'POST', large)).status === 204,
    );
  });

  it('rejects a compressed webhook, as the signature covers the bytes sent', async () => {
    const answer = await send('POST', '/webhook', 'x', {
      'content-encoding': 'gzip',
      'x-hubspot-signature-v3': 'any',
    });
    await expectError(answer, 415, 'unsupported_encoding');
  });

  function send(method: string, path: string, body: string | Buffer, headers: Record<string, string> = {}) {
    const standard = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };
    return world.app(path, { method, body, headers: { ...standard, ...headers } });
  }

  function signed(path: string, method = 'GET', body = '') {
    const clientSecret = 'sandbox-client-secret';
    const url = world.serverUrl + path;
    const headers = signatureHeaders(['v3'], { clientSecret, method, url, body, timestamp: Date.now() });
    return world.app(path, { method, headers, ...(body && { body }) });
  }
});
