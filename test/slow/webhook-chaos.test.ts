import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type Sandbox, startSandbox } from '../../sandbox/index.ts';
import { type OwnPostgres, startOwnPostgres } from '../helpers/own-postgres.ts';
import { freePort, type RunningProcess, startProcess } from '../helpers/processes.ts';
import { createSandboxClient, type SandboxClient } from '../helpers/sandbox-client.ts';
import { testSettings } from '../helpers/settings.ts';
import { until } from '../helpers/until.ts';
import { PROJECT } from '../helpers/vendor.ts';
import { THEN } from '../helpers/webhook-world.ts';
import { EFFECTS_TABLE } from '../webhooks/pipeline/effects-worker.ts';

const EVENTS = 20_000;
const RECORDS = 500;
const PORTALS = 3;
const COPIES = 1.2;
/** By how many places an event comes too late, at most. */
const DISPLACEMENT = 3_000;
const BATCH = 12;
const DELIVERIES = (EVENTS * COPIES) / BATCH;
/** What the sandbox sends by its clock at a time; between two such times it sends next to nothing. */
const ROUND_SECONDS = 600;

/** One event of one record at its own moment, the same at each call. */
function eventOf(index: number) {
  const record = (index * 7_919) % RECORDS;
  const [subscriptionType, others] = [
    ['contact.propertyChange', { propertyName: 'phone' }],
    ['deal.propertyChange', { propertyName: 'amount' }],
    ['object.propertyChange', { propertyName: 'size', objectTypeId: '2-77' }],
    ['company.creation', {}],
  ][record % 4] as [string, Record<string, string>];
  return {
    eventId: index,
    subscriptionId: record % 4,
    portalId: 62515 + (record % PORTALS),
    appId: 193354,
    occurredAt: THEN + index,
    subscriptionType,
    objectId: 1_000 + record,
    changeSource: 'CRM_UI',
    propertyValue: `${index}`,
    ...others,
  };
}

const HAS_EFFECT = `subscription_type <> 'company.creation'`;

describe('20,000 events of 500 records over 3 portals, a fifth of them twice, in shuffled order', () => {
  let postgres: OwnPostgres;
  let db: pg.Pool;
  let settings: Record<string, string>;
  const ports: number[] = [];
  const webs: RunningProcess[] = [];
  const workers: RunningProcess[] = [];
  let router: Server;
  let sandbox: Sandbox;
  let hubspot: SandboxClient;
  /** Processes that ended though nobody ended them. */
  const surprises: string[] = [];
  const expected = new Set<RunningProcess>();

  beforeAll(async () => {
    postgres = await startOwnPostgres(['track_commit_timestamp=on']);
    db = new pg.Pool({ connectionString: postgres.url, max: 4 }).on('error', () => {});
    db.on('connect', (client) => client.on('error', () => {}));
    await db.query(EFFECTS_TABLE);
    // When each delivery was stored, and when each event came to be seen by everybody.
    await db.query(`
      create table arrived (delivery_id bigint primary key, xid xid8);
      create function note_arrived() returns trigger language plpgsql as $$ begin
        insert into arrived values (new.id, pg_current_xact_id());
        return null;
      end $$;
      create trigger note_arrived after insert on webhook_deliveries for each row execute function note_arrived();
      create table workers_back (at timestamptz);
      create table stored (event_id uuid primary key, record text, occurred_at bigint, xid xid8);
      create function note_stored() returns trigger language plpgsql as $$ begin
        insert into stored values (new.id, new.record, new.occurred_at, pg_current_xact_id());
        return null;
      end $$;
      create trigger note_stored after insert on webhook_events for each row execute function note_stored()`);
    ports.push(await freePort(), await freePort());
    router = await startRouter();
    const serverUrl = `http://localhost:${(router.address() as AddressInfo).port}`;
    sandbox = await startSandbox({ port: 0, serverUrl, projectFolder: PROJECT });
    hubspot = createSandboxClient(sandbox.url);
    settings = {
      ...testSettings({ databaseUrl: postgres.url, serverUrl, sandboxUrl: sandbox.url }),
      LOG_LEVEL: 'warn',
    };
    for (const index of [0, 1]) {
      webs[index] = await startWeb(index);
      workers[index] = await startWorker();
    }
  });

  afterAll(async () => {
    await sandbox?.close();
    router?.close();
    await Promise.all([...webs, ...workers].map((one) => kill(one)));
    await db?.end();
    await postgres?.remove();
  });

  it('are handled once and in order while processes are killed', async () => {
    const acts = [
      () => restartWeb(0),
      () => restartWorker(0),
      restartPostgres,
      () => restartWorker(1),
      crashPostgres,
      () => restartWeb(1),
      () => Promise.all(workers.map(kill)),
      restartPostgres,
      workersComeBack,
      () => Promise.all([restartWeb(0), restartWeb(1)]),
      crashPostgres,
      () => Promise.all([restartWeb(0), restartWorker(0), restartPostgres()]),
      () => restartWorker(1),
    ];
    const sent: Promise<{ deliveries: { status: number }[] }> = hubspot.control('webhooks', {
      events: Array.from({ length: EVENTS }, (_, index) => eventOf(index)),
      copies: COPIES,
      shuffle: DISPLACEMENT,
      batchSize: BATCH,
      retry: true,
      maxDelayMs: 4_000,
      spreadMs: acts.length * ROUND_SECONDS * 1_000,
    });
    await until('the first delivery', async () => (await stored()) > 0, 60);
    const share = DELIVERIES / acts.length;
    for (const [round, act] of acts.entries()) {
      await hubspot.control('clock', { advanceSeconds: ROUND_SECONDS });
      await until('a third of the round', async () => (await stored()) > (round + 1 / 3) * share, 60);
      await act();
      // What failed meanwhile is tried again at once.
      await hubspot.control('clock', { advanceSeconds: 5 });
      await until('the round', async () => (await stored()) >= Math.floor((round + 1) * share), 60);
    }
    const { deliveries } = await sent;
    expect(deliveries.filter(({ status }) => status === 204)).toHaveLength(DELIVERIES);

    await until('every event to be settled', settled, 120).catch(async (error) => {
      throw new Error(`${error.message}\n${JSON.stringify(await whatIsLeft(), null, 1)}\n${output()}`);
    });
    expect(surprises).toEqual([]);
    expect(await rows('select state, count(*)::int as count from webhook_events group by state')).toEqual([
      { state: 'done', count: EVENTS },
    ]);
    const [effects] = await rows(
      'select count(*)::int as count, count(distinct event_id)::int as events from effects',
    );
    const [wanted] = await rows(`select count(*)::int as count from webhook_events where ${HAS_EFFECT}`);
    expect(effects).toEqual({ count: wanted.count, events: wanted.count });
    expect(wanted.count).toBe(
      Array.from({ length: EVENTS }, (_, index) => eventOf(index)).filter(
        ({ subscriptionType }) => subscriptionType !== 'company.creation',
      ).length,
    );

    // Whenever a later event's effect came first, the earlier event was not split yet when that effect began. (The
    // time of a commit is taken a moment before others see it.) Nothing overtook what came while the workers were away.
    const [order] = await rows(`
      select count(*) filter (where later.written_at < earlier.written_at)::int as inverted,
        count(*) filter (where later.written_at < earlier.written_at
          and pg_xact_commit_timestamp(stored.xid::xid) + interval '100 milliseconds' < later.began_at)::int as wrong,
        count(*) filter (where later.written_at < earlier.written_at and later.began_at > back.at
          and pg_xact_commit_timestamp(arrived.xid::xid) < back.at)::int as overtaken,
        count(*)::int as pairs
      from effects earlier
      join effects later on later.record = earlier.record and later.occurred_at > earlier.occurred_at
      join stored on stored.event_id = earlier.event_id
      join webhook_events on webhook_events.id = earlier.event_id
      join arrived on arrived.delivery_id = webhook_events.delivery_id
      cross join workers_back back`);
    expect(order).toMatchObject({ wrong: 0, overtaken: 0 });
    // Most came late by less than it takes to notice: the test is about something.
    expect(order.inverted).toBeGreaterThan(0);
    expect(order.inverted).toBeLessThan(order.pairs / 4);
  }, 240_000);

  /** How many deliveries were acknowledged, or stored and not acknowledged. */
  const stored = async (): Promise<number> =>
    rows('select count(*)::int as count from webhook_deliveries').then(
      ([row]) => row.count,
      () => 0,
    );

  /** What a platform has before its web processes: each connection goes to one of them. */
  async function startRouter(): Promise<Server> {
    const started = createServer((client) => {
      const web = connect(ports[Math.floor(Math.random() * ports.length)] ?? 0, 'localhost');
      for (const [one, other] of [
        [client, web],
        [web, client],
      ] as const) {
        one.pipe(other);
        one.on('error', () => other.destroy());
      }
    }).listen(0, 'localhost');
    await once(started, 'listening');
    return started;
  }

  async function startWeb(index: number): Promise<RunningProcess> {
    return watch('web', await startAgain('app/server.ts', { ...settings, PORT: String(ports[index]) }));
  }

  async function startWorker(): Promise<RunningProcess> {
    return watch(
      'worker',
      await startAgain('test/webhooks/pipeline/effects-worker.ts', { ...settings, PORT: '0' }),
    );
  }

  /** What a platform does: a process that cannot start while the database is away is started again. */
  async function startAgain(file: string, env: Record<string, string>): Promise<RunningProcess> {
    return until(`${file} to start`, () => startProcess(file, env).catch(() => undefined), 60);
  }

  function watch(what: string, started: RunningProcess): RunningProcess {
    started.child.once('exit', (code, signal) => {
      if (!expected.has(started))
        surprises.push(`${what} ended: ${code} ${signal}\n${started.output().slice(-2_000)}`);
    });
    return started;
  }

  async function kill(one: RunningProcess | undefined) {
    if (!one || one.child.exitCode !== null || one.child.signalCode !== null) return;
    expected.add(one);
    await one.kill('SIGKILL');
  }

  async function restartWeb(index: number) {
    await kill(webs[index]);
    webs[index] = await startWeb(index);
  }

  async function restartWorker(index: number) {
    await kill(workers[index]);
    workers[index] = await startWorker();
  }

  async function workersComeBack() {
    await db.query('insert into workers_back values (clock_timestamp())');
    await Promise.all([restartWorker(0), restartWorker(1)]);
  }

  async function restartPostgres() {
    await postgres.stop();
    await postgres.start();
  }

  /** One backend dies of kill -9: PostgreSQL ends all others and recovers. */
  async function crashPostgres() {
    const client = new pg.Client(postgres.url);
    client.on('error', () => {});
    await client.connect();
    const { rows: backends } = await client.query('select pg_backend_pid() as pid');
    process.kill(backends[0].pid, 'SIGKILL');
    await until(
      'PostgreSQL to have recovered',
      () =>
        rows('select 1').then(
          () => true,
          () => false,
        ),
      60,
    );
    await client.end().catch(() => {});
  }

  async function rows(sql: string) {
    return (await db.query(sql)).rows;
  }

  async function settled(): Promise<boolean> {
    const [row] = await rows(
      `select not exists (select from webhook_deliveries where state = 'waiting')
         and not exists (select from webhook_events where state in ('waiting', 'retrying')) as settled`,
    );
    return row.settled;
  }

  const whatIsLeft = async () => ({
    deliveries: await rows('select state, count(*) from webhook_deliveries group by state'),
    events: await rows(
      'select state, lane, count(*), max(last_error) as error from webhook_events group by 1, 2 order by 1, 2',
    ),
    jobs: await rows(
      'select task_identifier, queue_name, run_at, attempts, locked_by, locked_at, last_error from graphile_worker.jobs',
    ),
  });

  const output = () => [...webs, ...workers].map((one) => one.output().slice(-1_500)).join('\n---\n');
});
