import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Logger as QueueLogger, run as runQueue } from 'graphile-worker';
import pg from 'pg';
import { freePort } from '../scripts/free-port.ts';
import { inTurn, NOWHERE, rate, ratio, type Surroundings, settings, withSurroundings } from './measure.ts';
import { webhookBody } from './webhook-body.ts';

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

interface Shape {
  connections: number;
  deliveries: number;
  eventsEach: number;
}

interface Load {
  seconds: number;
  statuses: Record<string, number>;
  p50: number;
  p99: number;
}

export default () => withSurroundings(benchWebhooks, ['max_connections=100']);

async function benchWebhooks(surroundings: Surroundings): Promise<string[]> {
  const { databaseUrl } = surroundings;
  const [ourPort, parsingPort, collectingPort] = [await freePort(), await freePort(), await freePort()];
  const ours = `http://localhost:${ourPort}`;
  const parsing = `http://localhost:${parsingPort}`;
  const collecting = `http://localhost:${collectingPort}`;
  const env = {
    ...settings(databaseUrl, NOWHERE, ours),
    PORT: String(ourPort),
    HUBSPOT_CLIENT_SECRET: SECRET,
  };
  const start = async (file: string, args?: string[]) => (await surroundings.start(file, env, args)).child;
  const load = (server: string, shape: Shape, seed: number) =>
    sendLoad(surroundings.start, server, shape, seed);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });

  try {
    const web = await start('../app/server.ts');
    await start('bare-receiver.ts', [String(parsingPort), parsing, SECRET, 'json']);
    await start('bare-receiver.ts', [String(collectingPort), collecting, SECRET, 'bytes']);
    const lines: string[] = [];

    const single = { connections: 32, deliveries: 15_000, eventsEach: 1 };
    const [stored, parsed, collected] = await inTurn(
      ROUNDS,
      async (round) => (await load(ours, single, round + 100)).seconds,
      async (round) => (await load(parsing, single, round + 200)).seconds,
      async (round) => (await load(collecting, single, round + 300)).seconds,
    );
    lines.push(
      `(a) one event each, 32 connections: ${rate(15_000, stored)} deliveries/s stored; bare ${rate(15_000, parsed)} with the body parsed: ratio ${ratio(stored, parsed)}; bare ${rate(15_000, collected)} with its bytes collected: ratio ${ratio(stored, collected)}`,
    );

    const hundreds = { connections: 10, deliveries: 1_000, eventsEach: 100 };
    const [received, inserted] = await inTurn(
      ROUNDS,
      async (round) => (await load(ours, hundreds, round + 400)).seconds,
      (round) => insertBodies(databaseUrl, hundreds, round + 500),
    );
    lines.push(
      `(b) 100 events each, 10 connections: ${rate(100_000, received)} events/s, straight through pg ${rate(100_000, inserted)}: ratio ${ratio(received, inserted)}`,
    );

    await pool.query('truncate webhook_deliveries, webhook_events');
    await pool.query('delete from graphile_worker._private_jobs');
    const idle = rss(web);
    await load(ours, { ...hundreds, deliveries: 2_000 }, 900);
    lines.push(`(e) memory of web: ${idle} MB before, ${rss(web)} MB with 200,000 events waiting`);

    const worker = await start('noop-worker.ts');
    const drained = await drain(pool, 200_000);
    // It would take the other runner's jobs for those of a dead worker.
    await end(worker);
    const jobs = await queueRate(databaseUrl);
    lines.push(
      `(c) drain: ${Math.round(drained.perSecond)} events/s; graphile-worker's own ${Math.round(jobs)} jobs/s: ratio ${(drained.perSecond / jobs).toFixed(2)}`,
    );

    await start('noop-worker.ts');
    await load(ours, { ...hundreds, deliveries: 3_000 }, 901);
    const d = await load(ours, { ...hundreds, deliveries: 3_000, eventsEach: 1 }, 902);
    const left = await waitingEvents(pool);
    lines.push(
      `(d) acknowledgement at 10 connections while the worker drains (${left} events left at the end): p50 ${d.p50.toFixed(1)} ms, p99 ${d.p99.toFixed(1)} ms`,
    );
    return lines;
  } finally {
    await pool.end();
  }
}

/** @param seed makes the bodies distinct from those of other runs. */
async function sendLoad(
  start: Surroundings['start'],
  server: string,
  shape: Shape,
  seed: number,
): Promise<Load> {
  const { connections, deliveries, eventsEach } = shape;
  const target = `${server}/webhook`;
  const args = [target, connections, deliveries, eventsEach, SECRET, seed].map(String);
  const { child } = await start('webhook-load.ts', {}, args);
  child.send('go');
  const [result] = (await once(child, 'message')) as [Load];
  const refused = Object.keys(result.statuses).filter((status) => status !== '204');
  if (refused.length > 0) throw new Error(`The server answered ${JSON.stringify(result.statuses)}`);
  return result;
}

/** What a receiver can at best hope for: the same bodies over as many connections, one insert and one commit each. */
async function insertBodies(
  databaseUrl: string,
  { connections, deliveries, eventsEach }: Shape,
  seed: number,
) {
  const bodies = Array.from({ length: deliveries }, (_, at) =>
    Buffer.from(webhookBody(at, eventsEach, seed)),
  );
  const pool = new pg.Pool({ connectionString: databaseUrl, max: connections });
  await pool.query(
    'create table if not exists bench_bodies (id bigint generated always as identity, body bytea)',
  );
  await Promise.all(Array.from({ length: connections }, () => pool.query('select 1')));
  const text = 'insert into bench_bodies (body) values ($1)';
  const waiting = bodies.values();
  const started = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (const body of waiting) await pool.query({ name: 'bench', text, values: [body] });
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  await pool.end();
  return seconds;
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

/** Resident memory of a process in MB. */
function rss(child: ChildProcess): number {
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
