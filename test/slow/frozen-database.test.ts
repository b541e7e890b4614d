import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startSandbox } from '../../sandbox/index.ts';
import { signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';
import { createDeliverySender } from '../helpers/deliveries.ts';
import { startFreezingProxy } from '../helpers/freezing-proxy.ts';
import { startOwnPostgres } from '../helpers/own-postgres.ts';
import { freePort, type RunningProcess, startProcess } from '../helpers/processes.ts';
import { API_KEY, testSettings } from '../helpers/settings.ts';
import { unlessBusy, until } from '../helpers/until.ts';
import { PROJECT } from '../helpers/vendor.ts';

const SECRET = 'sandbox-client-secret';

/** A network that forgets connections, as in a failover: nothing passes on them, and nobody says so. */
describe('when connections to PostgreSQL freeze', () => {
  let database: TestDatabase;
  let db: pg.Pool;
  let sandbox: Awaited<ReturnType<typeof startSandbox>>;
  let proxy: Awaited<ReturnType<typeof startFreezingProxy>>;
  let settings: Record<string, string>;
  let url: string;
  let running: RunningProcess[] = [];

  beforeAll(async () => {
    database = await createDatabase();
    db = new pg.Pool({ connectionString: database.url, max: 2 });
  });
  beforeEach(async () => {
    const port = await freePort();
    url = `http://localhost:${port}`;
    sandbox = await startSandbox({ port: 0, serverUrl: url, projectFolder: PROJECT });
    proxy = await startFreezingProxy(database.url);
    settings = {
      ...testSettings({ databaseUrl: proxy.url, serverUrl: url, sandboxUrl: sandbox.url }),
      PORT: String(port),
    };
  });
  afterEach(async () => {
    await Promise.all(running.map((one) => one.kill('SIGKILL')));
    running = [];
    await proxy.close();
    await sandbox.close();
  });
  afterAll(async () => {
    await db.end();
    await database.drop();
  });

  async function start(file: string) {
    const started = await startProcess(file, settings);
    running.push(started);
    return started;
  }

  const readiness = async () => {
    const answer = await fetch(`${url}/readyz`);
    const { checks } = (await answer.json()) as { checks: Record<string, string> };
    return { status: answer.status, checks };
  };

  const delivery = (objectId: string) => [
    { portalId: 62515, subscriptionType: 'contact.creation', objectId },
  ];

  it('a starting web process retries for a while, and starts', async () => {
    proxy.freezeNew(true);
    const starting = start('app/server.ts');
    await until('some connections to be given up', () => proxy.frozenFromTheStart() >= 3);
    proxy.freezeNew(false);
    await starting;
    expect((await readiness()).status).toBe(200);
  });

  it('a web process rejects what it could not store, is not ready, and recovers', async () => {
    await start('app/server.ts');
    const hubspot = createDeliverySender({ url, connections: 16 });
    // Many requests for the status of installs open as many connections as the pool has.
    await Promise.all(Array.from({ length: 30 }, (_, index) => hubspot.send(delivery(`before-${index}`))));
    await Promise.all(Array.from({ length: 30 }, () => readiness()));
    expect((await readiness()).status).toBe(200);

    proxy.freeze();
    const acknowledged: string[] = [];
    const send = async (id: string) => {
      const { status } = await hubspot.send(delivery(id));
      if (status === 204) acknowledged.push(id);
      return status;
    };
    expect(await send('while-frozen')).toBe(503);
    const notReady = await readiness();
    expect([notReady.status, notReady.checks.deliveries]).toEqual([
      503,
      'the last deliveries could not be stored',
    ]);

    let sent = 0;
    await until('a delivery to be stored', async () => {
      sent += 1;
      return (await send(`after-${sent}`)) === 204;
    });
    await until('the process to be ready', async () => (await readiness()).status === 200);
    const { rows } = await db.query(
      `select convert_from(body, 'UTF8')::json->0->>'objectId' as id from webhook_deliveries where body is not null`,
    );
    const stored = new Set(rows.map(({ id }) => id));
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    hubspot.close();
  });

  it('a worker recovers', async () => {
    await start('app/server.ts');
    await start('app/worker.ts');
    const hubspot = createDeliverySender({ url });
    const isSplit = async (objectId: string) => {
      const { rows } = await db.query(`select from webhook_events where event->>'objectId' = $1`, [objectId]);
      return rows.length > 0;
    };
    expect(await unlessBusy(() => hubspot.send(delivery('w-before')))).toMatchObject({ status: 204 });
    await until('the first event', () => isSplit('w-before'));
    proxy.freeze();
    await until('an acknowledgement', async () => (await hubspot.send(delivery('w-after'))).status === 204);
    await until('the event', () => isSplit('w-after'));
    hubspot.close();
  });

  it('all of them at once, requests that need the database get 503 and do not hang', async () => {
    await start('app/server.ts');
    expect((await readiness()).status).toBe(200);
    proxy.freeze();
    proxy.freezeNew(true);
    const path = '/events/day-1?appId=193354&externalAccountId=acct';
    const headers = signatureHeaders(['v3'], {
      clientSecret: SECRET,
      method: 'GET',
      url: url + path,
      body: '',
      timestamp: Date.now(),
    });
    const details = await fetch(url + path, { headers });
    expect(details.status).toBe(503);
    expect(await details.json()).toMatchObject({ error: { code: 'database_unavailable' } });
    expect((await fetch(`${url}/install`, { redirect: 'manual' })).status).not.toBe(500);
    await until('the check', async () => {
      const { status, checks } = await readiness();
      return status === 503 && checks.database === 'does not answer';
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);

    proxy.freezeNew(false);
    await until('the process to be ready', async () => (await readiness()).status === 200);
  });
});

// Only there are the processes of a server found.
const onLinux = existsSync('/proc/self/status') ? it : it.skip;

onLinux(
  'when PostgreSQL stands still, requests are answered with 503, and all is well when it goes on',
  async () => {
    const postgres = await startOwnPostgres();
    const url = `http://localhost:${await freePort()}`;
    const settings = testSettings({
      databaseUrl: postgres.url,
      serverUrl: url,
      sandboxUrl: 'http://localhost:1',
    });
    const web = await startProcess('app/server.ts', settings);
    const hubspot = createDeliverySender({ url });
    try {
      const delivery = [{ portalId: 62515, subscriptionType: 'contact.creation', objectId: 1 }];
      expect((await hubspot.send(delivery)).status).toBe(204);
      await postgres.freeze();
      const headers = { authorization: `Bearer ${API_KEY}` };
      const answers = await Promise.all([
        hubspot.send(delivery),
        fetch(`${url}/hubid/62515`, { headers }),
        fetch(`${url}/marketing-events/acct/day-1`, { headers }),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
      await until('the check', async () => (await fetch(`${url}/readyz`)).status === 503);
      await postgres.thaw();
      await until('a delivery to be stored', async () => (await hubspot.send(delivery)).status === 204);
      await until('the process to be ready', async () => (await fetch(`${url}/readyz`)).status === 200);
    } finally {
      await postgres.thaw();
      hubspot.close();
      await web.kill('SIGKILL');
      await postgres.remove();
    }
  },
);
