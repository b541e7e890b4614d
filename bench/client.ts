import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import got from 'got';
import { loadConfig } from '../app/config.ts';
import { createContext } from '../app/context.ts';
import { migrate } from '../app/db/migrate.ts';
import { createLogger } from '../app/logger.ts';
import { startPostgres } from '../scripts/embedded-postgres.ts';

const CALLS = 2_000;
const AT_ONCE = 8;
const ROUNDS = 5;
const CONTACTS = 100_000;

/**
 * A service call against bare got on the same sandbox route, in turn in one run; and memory while iterating 100,000
 * contacts. Runs without the call budget: it would hold both to eleven calls a second.
 */
export default async function benchClient(): Promise<string[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-client-'));
  const postgres = await startPostgres(path.join(folder, 'postgres'));
  const sandbox = fork(path.join(import.meta.dirname, '../sandbox/main.ts'), [], {
    env: { PATH: process.env.PATH, SANDBOX_PORT: '0', SERVER_URL: 'http://localhost:9' },
    silent: true,
  });
  const [{ url }] = (await once(sandbox, 'message')) as [{ url: string }];
  const control = (method: string, name: string, json: unknown) =>
    got(`${url}/_sandbox/${name}`, { method: method as 'PUT', json: json as object }).json<{
      results: { portalId: number; accessToken: string; refreshToken: string; expiresIn: number }[];
    }>();
  try {
    await migrate({ url: postgres.url });
    await control('PUT', 'app', { rateLimit: null, searchRateLimit: null });
    const [install] = (await control('POST', 'portals', { from: 900_000, count: 1, installed: true }))
      .results;
    if (!install) throw new Error('The sandbox made no portal.');
    const config = loadConfig({
      SERVER_URL: 'http://localhost:9',
      DATABASE_URL: postgres.url,
      HUBSPOT_APP_ID: '193354',
      HUBSPOT_CLIENT_ID: 'sandbox-client-id',
      HUBSPOT_CLIENT_SECRET: 'sandbox-client-secret',
      HUBSPOT_API_URL: url,
      HUBSPOT_RATE_LIMIT: '0',
      HUBSPOT_SEARCH_RATE_LIMIT: '0',
      TOKEN_KEYS: `bench:${Buffer.alloc(32, 1).toString('base64url')}`,
      API_KEY: 'bench-api-key-bench-api-key-bench-api-key',
      SESSION_SECRET: 'bench-session-secret-bench-session-secret',
      LOG_LEVEL: 'warn',
    });
    const ctx = createContext(config, createLogger('warn', 'bench'));
    const accessTokenExpiresAt = new Date(Date.now() + install.expiresIn * 1000);
    await ctx.installs.save(ctx.pool, {
      portalId: install.portalId,
      appId: 193354,
      userId: null,
      userEmail: null,
      hubDomain: null,
      partnerUser: null,
      scopes: config.hubspot.scopes,
      accessToken: install.accessToken,
      refreshToken: install.refreshToken,
      accessTokenExpiresAt,
      refreshDueAt: accessTokenExpiresAt,
    });
    const hubspot = ctx.hubspotFor(install.portalId);
    const { contact } = await hubspot.contacts.createOrUpdate('bench@example.com', { firstname: 'Bench' });
    const route = `${url}/crm/objects/2026-09/contacts/${contact.id}?properties=email%2Cfirstname`;
    const headers = { authorization: `Bearer ${install.accessToken}` };

    const times = { service: [] as number[], bare: [] as number[] };
    for (let round = 0; round <= ROUNDS; round += 1) {
      const service = await timed(() => hubspot.contacts.get(contact.id, ['email', 'firstname']));
      const bare = await timed(() => got(route, { headers, retry: { limit: 0 } }).json());
      // The first round warms both up.
      if (round > 0) {
        times.service.push(service);
        times.bare.push(bare);
      }
    }
    const [service, bare] = [median(times.service), median(times.bare)];
    const lines = [
      `service call ${perSecond(service)} calls/s, bare got ${perSecond(bare)} calls/s: ratio ${(bare / service).toFixed(2)}`,
    ];

    for (let made = 0; made < CONTACTS; made += 100) {
      const inputs = Array.from({ length: 100 }, (_, at) => ({
        properties: { email: `c${made + at}@example.com`, firstname: `First ${made + at}` },
      }));
      await got.post(`${url}/crm/objects/2026-09/contacts/batch/create`, { headers, json: { inputs } });
    }
    const memory: number[] = [];
    let seen = 0;
    for await (const _ of hubspot.contacts.list({ limit: 100 })) {
      seen += 1;
      if (seen % 10_000 === 0) {
        globalThis.gc?.();
        memory.push(Math.round(process.memoryUsage().rss / 1024 / 1024));
      }
    }
    lines.push(
      `iterating ${seen.toLocaleString('en')} contacts: ${memory[0]} MB after 10,000, ${memory.at(-1)} MB at the end`,
    );
    await ctx.close();
    return lines;
  } finally {
    sandbox.kill('SIGKILL');
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Seconds for CALLS calls, some at once. */
async function timed(call: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let left = CALLS;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left > 0) {
        left -= 1;
        await call();
      }
    }),
  );
  return (performance.now() - started) / 1000;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const perSecond = (seconds: number) => Math.round(CALLS / seconds).toLocaleString('en');
