import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { webhookBody } from './webhook-body.ts';

/**
 * Load generator, a process of its own: signed webhook deliveries with distinct bodies over keep-alive connections,
 * each sending its next request when the answer to the one before is there. Requests are made and signed before
 * the clock starts. Sends its parent `{ seconds, statuses, p50, p99 }`, the latter in milliseconds.
 */
const [target = '', connections = '1', deliveries = '1', eventsEach = '1', secret = '', seed = '0'] =
  process.argv.slice(2);
const url = new URL(target);

const requests = Array.from({ length: Number(deliveries) }, (_, index) => signedRequest(index));
const statuses: Record<string, number> = {};
const latencies: number[] = [];
let next = 0;

process.send?.('ready');
await new Promise((resolve) => process.once('message', resolve));
const started = performance.now();
await Promise.all(Array.from({ length: Number(connections) }, drive));
const seconds = (performance.now() - started) / 1000;
latencies.sort((a, b) => a - b);
const at = (part: number) =>
  latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0;
process.send?.({ seconds, statuses, p50: at(0.5), p99: at(0.99) }, undefined, undefined, () =>
  process.exit(0),
);

function drive(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(url.port), host: url.hostname, noDelay: true });
    let sentAt = 0;
    let received = '';
    const send = () => {
      const request = requests[next];
      next += 1;
      if (!request) {
        socket.end();
        resolve();
        return;
      }
      sentAt = performance.now();
      socket.write(request);
    };
    socket.on('connect', send).on('error', reject);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(received)?.[1] ?? 0);
      if (received.length < end + 4 + length) return;
      const status = received.slice(9, 12);
      statuses[status] = (statuses[status] ?? 0) + 1;
      latencies.push(performance.now() - sentAt);
      received = '';
      send();
    });
  });
}

function signedRequest(index: number): Buffer {
  const body = webhookBody(index, Number(eventsEach), Number(seed));
  const timestamp = String(Date.now());
  const signature = createHmac('sha256', secret).update(`POST${target}${body}${timestamp}`).digest('base64');
  return Buffer.from(
    `POST ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/json\r\n` +
      `X-HubSpot-Signature-v3: ${signature}\r\nX-HubSpot-Request-Timestamp: ${timestamp}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
