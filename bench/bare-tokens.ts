import { readFileSync } from 'node:fs';
import got from 'got';

/**
 * The yardstick: the same token requests with the same HTTP library over as many connections, and nothing done with
 * the answers. No lock, no database, no encryption.
 */
const [url = '', connections = '1', file = ''] = process.argv.slice(2);
const refreshTokens: string[] = JSON.parse(readFileSync(file, 'utf8'));
const bare = got.extend({ retry: { limit: 0 }, timeout: { request: 15_000 } });

process.on('message', async () => {
  const waiting = refreshTokens.values();
  const started = performance.now();
  await Promise.all(Array.from({ length: Number(connections) }, () => drive(waiting)));
  process.send?.({ seconds: (performance.now() - started) / 1000 });
});
process.once('disconnect', () => process.exit());
process.send?.('ready');

async function drive(waiting: Iterator<string> & Iterable<string>): Promise<void> {
  for (const refresh_token of waiting) {
    const form = {
      grant_type: 'refresh_token',
      refresh_token,
      client_id: 'sandbox-client-id',
      client_secret: 'sandbox-client-secret',
    };
    await bare.post(url, { form }).json();
  }
}
