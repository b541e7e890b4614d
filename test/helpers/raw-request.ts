import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';

/** A request whose target is sent unchanged; fetch would normalise it. */
export async function rawRequest(
  serverUrl: string,
  sent: { method: string; target: string; body?: string; headers?: Record<string, string> },
): Promise<{ status: number | undefined; headers: Record<string, unknown>; body: string }> {
  const { method, target: path, body = '', headers } = sent;
  const { hostname, port } = new URL(serverUrl);
  const outgoing = request({
    hostname,
    port,
    method,
    path,
    agent: false,
    headers: { 'content-length': Buffer.byteLength(body), ...headers },
  });
  outgoing.end(body);
  const [answer] = await once(outgoing, 'response');
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}
