import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Logger as QueueLogger, run as runQueue } from 'graphile-worker';
import pg from 'pg';
import { migrate } from '../app/db/migrate.ts';
import { startPostgres } from '../scripts/embedded-postgres.ts';

/**
 * Webhooks, each pair in turn in one run:
 *  (a) acknowledgement of one-event deliveries, stored and committed, against receivers that store nothing: one that
 *      parses the body, and one that only collects its bytes
 *  (b) 100-event deliveries against inserting the same bytes straight through pg
 *  (c) draining stored deliveries through a handler that does nothing, against graphile-worker's own job rate
 *  (d) time to acknowledge at 10 connections while the worker drains
 *  (e) memory of the web process while 200,000 events wait
 */
const SECRET = 'bench-client-secret';
const ROUNDS = 9;

interface Load {
  seconds: number;
  statuses: Record<string, number>;
  p50: number;
  p99: number;
}

export default async function benchWebhooks(): Promise<string[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-webhooks-'));
  const postgres = await startPostgres(path.join(folder, 'postgres'), ['max_connections=100']);
  const [ourPort, parsingPort, collectingPort] = [await freePort(), await freePort(), await freePort()];
  const ours = `http://localhost:${ourPort}`;
  const parsing = `http://localhost:${parsingPort}`;
  const collecting = `http://localhost:${collectingPort}`;
  const env = settings(ours, postgres.url);
  await migrate({ url: postgres.url });
  const pool = new pg.Pool({ connectionString: postgres.url, max: 4 });
  const children: ChildProcess[] = [];
  const start = async (file: string, args: string[] = []) => {
    const child = fork(path.join(import.meta.dirname, file), args, {
      env: { PATH: process.env.PATH, ...env },
    });
    children.push(child);
    await once(child, 'message');
    return child;
  };

  try {
    const web = await start('../app/server.ts');
    await start('bare-receiver.ts', [String(parsingPort), parsing, SECRET, 'json']);
    await start('bare-receiver.ts', [String(collectingPort), collecting, SECRET, 'bytes']);
    const lines: string[] = [];

    const [stored = 0, parsed = 0, collected = 0] = await inTurn(
      (seed) => load(`${ours}/webhook`, 32, 15_000, 1, seed),
      (seed) => load(`${parsing}/webhook`, 32, 15_000, 1, seed),
      (seed) => load(`${collecting}/webhook`, 32, 15_000, 1, seed),
    );
    lines.push(
      `(a) one event each, 32 connections: ${rate(stored, 15_000)} deliveries/s stored; bare ${rate(parsed, 15_000)} with the body parsed: ratio ${ratio(parsed, stored)}; bare ${rate(collected, 15_000)} with its bytes collected: ratio ${ratio(collected, stored)}`,
    );

    const [received = 0, inserted = 0] = await inTurn(
      (seed) => load(`${ours}/webhook`, 10, 1_000, 100, seed),
      () => insertBodies(pool, 1_000),
    );
    lines.push(
      `(b) 100 events each, 10 connections: ${rate(received, 100_000)} events/s, straight through pg ${rate(inserted, 100_000)}: ratio ${ratio(inserted, received)}`,
    );

    await pool.query('truncate webhook_deliveries, webhook_events');
    await pool.query('delete from graphile_worker._private_jobs');
    const idle = rss(web);
    await load(`${ours}/webhook`, 10, 2_000, 100, 900);
    lines.push(`(e) memory of web: ${idle} MB before, ${rss(web)} MB with 200,000 events waiting`);

    const worker = await start('noop-worker.ts');
    const drained = await drain(pool, 200_000);
    // It would take the other runner's jobs for those of a dead worker.
    await end(worker);
    const jobs = await queueRate(postgres.url);
    lines.push(
      `(c) drain: ${Math.round(drained.perSecond)} events/s; graphile-worker's own ${Math.round(jobs)} jobs/s: ratio ${(drained.perSecond / jobs).toFixed(2)}`,
    );

    await start('noop-worker.ts');
    await load(`${ours}/webhook`, 10, 3_000, 100, 901);
    const d = await load(`${ours}/webhook`, 10, 3_000, 1, 902);
    const left = await waitingEvents(pool);
    lines.push(
      `(d) acknowledgement at 10 connections while the worker drains (${left} events left at the end): p50 ${d.p50.toFixed(1)} ms, p99 ${d.p99.toFixed(1)} ms`,
    );
    return lines;
  } finally {
    await pool.end();
    for (const child of children) child.kill('SIGKILL');
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** All sides in turn, several times. @returns the median of each, in seconds. */
async function inTurn(...sides: ((seed: number) => Promise<Load>)[]): Promise<number[]> {
  const results = sides.map((): number[] => []);
  // The first round warms them up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [index, side] of sides.entries()) {
      const { seconds } = await side(round * sides.length + index + 1);
      if (round > 0) results[index]?.push(seconds);
    }
  }
  return results.map(median);
}

async function load(
  target: string,
  connections: number,
  deliveries: number,
  eventsEach: number,
  seed: number,
): Promise<Load> {
  const args = [target, connections, deliveries, eventsEach, SECRET, seed].map(String);
  const child = fork(path.join(import.meta.dirname, 'webhook-load.ts'), args, {
    env: { PATH: process.env.PATH },
  });
  await once(child, 'message');
  child.send('go');
  const [result] = (await once(child, 'message')) as [Load];
  const refused = Object.keys(result.statuses).filter((status) => status !== '204');
  if (refused.length > 0) throw new Error(`The server answered ${JSON.stringify(result.statuses)}`);
  return result;
}

/** What a receiver can at best hope for: the same bytes, one insert and one commit each. */
async function insertBodies(pool: pg.Pool, count: number): Promise<Load> {
  await pool.query(
    'create table if not exists bench_bodies (id bigint generated always as identity, body bytea)',
  );
  const body = randomBytes(14_000).toString('hex');
  const started = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (next < count) {
        next += 1;
        await pool.query({
          name: 'bench',
          text: 'insert into bench_bodies (body) values ($1)',
          values: [Buffer.from(body)],
        });
      }
    }),
  );
  return { seconds: (performance.now() - started) / 1000, statuses: {}, p50: 0, p99: 0 };
}

/** From when the worker works: starting it is not what is measured. */
async function drain(pool: pg.Pool, events: number) {
  const started = performance.now();
  while (await somethingWaits(pool)) await new Promise((resolve) => setTimeout(resolve, 100));
  return { perSecond: events / ((performance.now() - started) / 1000) };
}

/** Whether anything is left to split or to handle; asks the partial indexes only. */
async function somethingWaits(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query(
    `select exists (select from webhook_deliveries where state = 'waiting')
       or exists (select from webhook_events where state = 'waiting') as waits`,
  );
  return rows[0].waits;
}

async function end(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

async function waitingEvents(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query(
    `select count(*)::int as count from webhook_events where state = 'waiting'`,
  );
  return rows[0].count;
}

/** graphile-worker's own pace with its fastest settings, for jobs that do nothing. */
async function queueRate(connectionString: string): Promise<number> {
  const count = 40_000;
  const pool = new pg.Pool({ connectionString, max: 12 });
  pool.on('error', () => {}).on('connect', (client) => client.on('error', () => {}));
  await pool.query(
    `select graphile_worker.add_job('bench', json_build_object('n', n)) from generate_series(1, $1::int) n`,
    [count],
  );
  // Without statistics of so many new rows PostgreSQL would choose the slowest way to each.
  await pool.query('vacuum analyze graphile_worker._private_jobs');
  let done = 0;
  const all = Promise.withResolvers<void>();
  const bench = async () => {
    done += 1;
    if (done === count) all.resolve();
  };
  const started = performance.now();
  const runner = await runQueue({
    pgPool: pool,
    concurrency: 10,
    logger: new QueueLogger(() => () => {}),
    noHandleSignals: true,
    preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    taskList: { bench },
  });
  await all.promise;
  const perSecond = count / ((performance.now() - started) / 1000);
  await runner.stop();
  await pool.end();
  return perSecond;
}

function settings(serverUrl: string, databaseUrl: string): Record<string, string> {
  return {
    PORT: new URL(serverUrl).port,
    SERVER_URL: serverUrl,
    DATABASE_URL: databaseUrl,
    HUBSPOT_APP_ID: '193354',
    HUBSPOT_CLIENT_ID: 'bench',
    HUBSPOT_CLIENT_SECRET: SECRET,
    HUBSPOT_API_URL: 'http://localhost:9',
    TOKEN_KEYS: `bench:${Buffer.alloc(32, 1).toString('base64url')}`,
    API_KEY: 'bench-api-key-bench-api-key-bench-api-key',
    SESSION_SECRET: 'bench-session-secret-bench-session-secret',
    LOG_LEVEL: 'warn',
  };
}

/** Resident memory of a process in MB. */
function rss(child: ChildProcess): number {
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0);
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const rate = (seconds: number, count: number) => Math.round(count / seconds).toLocaleString('en');
const ratio = (theirs: number, ours: number) => (theirs / ours).toFixed(2);
