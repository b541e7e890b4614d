import { createHmac } from 'node:crypto';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface DeliveryAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type DeliverySender = ReturnType<typeof createDeliverySender>;

interface Target {
  /** Where the app listens. */
  readonly url: string;
  /** The public base URL that the app is configured with, which is what HubSpot signs. */
  readonly serverUrl?: string;
  /** Maximum connections; each is reused for the next delivery. */
  readonly connections?: number;
  /** The time limit of a response; HubSpot's is five seconds. */
  readonly timeoutMs?: number;
}

/** Sends signed webhook deliveries with any body, without the sandbox's batching and queueing. */
export function createDeliverySender({ url, serverUrl = url, connections = Infinity, timeoutMs }: Target) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });

  return {
    /** @param body bytes or text are sent unchanged, other values as JSON. @param target path and query. */
    async send(body: unknown, target = '/webhook'): Promise<DeliveryAnswer> {
      const bytes = Buffer.isBuffer(body)
        ? body
        : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      const timestamp = String(Date.now());
      const signature = createHmac('sha256', 'sandbox-client-secret')
        .update(`POST${serverUrl}${target}`)
        .update(bytes)
        .update(timestamp)
        .digest('base64');
      const headers = {
        'content-type': 'application/json',
        'content-length': bytes.length,
        'x-hubspot-signature-v3': signature,
        'x-hubspot-request-timestamp': timestamp,
      };
      return new Promise((resolve, reject) => {
        const sent = request(url + target, { method: 'POST', headers, agent }, (answer) => {
          buffer(answer).then(
            (text) =>
              resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text.toString() }),
            reject,
          );
        });
        if (timeoutMs) sent.setTimeout(timeoutMs, () => sent.destroy(new Error('no answer in time')));
        sent.on('error', reject).end(bytes);
      });
    },

    close: () => agent.destroy(),
  };
}
