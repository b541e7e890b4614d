import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';
import { createDeliverySender } from '../helpers/deliveries.ts';
import { freePort, type RunningProcess, startProcess } from '../helpers/processes.ts';
import { testSettings } from '../helpers/settings.ts';
import { until } from '../helpers/until.ts';

const CONNECTIONS = 16;
const ROUNDS = 10;

describe('SIGTERM while HubSpot delivers', () => {
  let database: TestDatabase;
  let db: pg.Pool;
  beforeAll(async () => {
    database = await createDatabase();
    db = new pg.Pool({ connectionString: database.url, max: 2 });
  });
  afterAll(async () => {
    await db.end();
    await database.drop();
  });

  async function startWeb(): Promise<{ url: string; web: RunningProcess }> {
    const port = await freePort();
    const url = `http://localhost:${port}`;
    const settings = testSettings({
      databaseUrl: database.url,
      serverUrl: url,
      sandboxUrl: 'http://localhost:9',
    });
    return { url, web: await startProcess('app/server.ts', settings) };
  }

  async function stored(): Promise<Set<string>> {
    const { rows } = await db.query(
      `select convert_from(body, 'UTF8')::json->0->>'objectId' as id from webhook_deliveries`,
    );
    return new Set(rows.map(({ id }) => id));
  }

  const delivery = (objectId: string) => [
    { portalId: 62515, subscriptionType: 'contact.creation', objectId },
  ];

  it('answers every request or rejects the connection, and stores every acknowledged delivery', async () => {
    const seen: Record<string, number> = {};
    const count = (what: string) => {
      seen[what] = (seen[what] ?? 0) + 1;
    };
    const acknowledged: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { url, web } = await startWeb();
      const hubspot = createDeliverySender({ url, connections: CONNECTIONS });
      let answers = 0;
      const connection = async (number: number) => {
        for (let index = 0; ; index += 1) {
          const id = `${round}-${number}-${index}`;
          const outcome = await hubspot.send(delivery(id)).then(
            ({ status }) => status,
            (error) => String(error.code ?? error.message),
          );
          count(String(outcome));
          if (outcome === 204) acknowledged.push(id);
          // Nobody listens any more. All else goes on, as HubSpot does.
          if (outcome === 'ECONNREFUSED') return;
          answers += 1;
        }
      };
      const load = Promise.all(Array.from({ length: CONNECTIONS }, (_, number) => connection(number)));
      await until('the load', () => answers > 300);
      expect(await web.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      await load;
      hubspot.close();
    }
    const { 204: stillAccepted = 0, 503: busy = 0, ECONNREFUSED: refused = 0, ...dropped } = seen;
    expect(dropped).toEqual({});
    expect(refused).toBe(ROUNDS * CONNECTIONS);
    expect(stillAccepted + busy).toBeGreaterThan(ROUNDS * 300);
    const rows = await stored();
    expect(acknowledged.filter((id) => !rows.has(id))).toEqual([]);
  });

  it('answers deliveries that wait for their commit, and reads a half-sent one to its end', async () => {
    const { url, web } = await startWeb();
    const hubspot = createDeliverySender({ url });
    const lock = new pg.Client(database.url);
    await lock.connect();
    await lock.query('begin');
    await lock.query('lock table webhook_deliveries');
    const ids = Array.from({ length: CONNECTIONS }, (_, index) => `waiting-${index}`);
    const answers = Promise.all(ids.map((id) => hubspot.send(delivery(id))));
    await until('the first commit to wait', async () => {
      const { rows } = await db.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    });
    const half = await beginRequest(url, delivery('half'));
    const ended = web.kill('SIGTERM');
    // A terminal sends a signal to all, and npm passes its own on: the second is not to cut anything off.
    web.child.kill('SIGTERM');
    await until('the server to accept no more', () =>
      fetch(`${url}/healthz`).then(
        () => false,
        () => true,
      ),
    );
    const answered = half.finish();
    await lock.end();
    expect((await answers).map(({ status }) => status)).toEqual(ids.map(() => 204));
    expect(await answered).toMatch(/^HTTP\/1\.1 204 /);
    expect(await ended).toEqual({ code: 0, signal: null });
    const rows = await stored();
    expect([...ids, 'half'].filter((id) => !rows.has(id))).toEqual([]);
    hubspot.close();
  });

  /** Sends all of a delivery but its last bytes. */
  async function beginRequest(url: string, events: unknown) {
    const body = Buffer.from(JSON.stringify(events));
    const timestamp = Date.now();
    const signature = createHmac('sha256', 'sandbox-client-secret')
      .update(`POST${url}/webhook${body}${timestamp}`)
      .digest('base64');
    const socket = connect(Number(new URL(url).port), 'localhost');
    await once(socket, 'connect');
    const head = [
      'POST /webhook HTTP/1.1',
      `Host: ${new URL(url).host}`,
      `Content-Length: ${body.length}`,
      `X-HubSpot-Signature-v3: ${signature}`,
      `X-HubSpot-Request-Timestamp: ${timestamp}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.write(body.subarray(0, 10));
    return {
      finish(): Promise<string> {
        socket.write(body.subarray(10));
        return text(socket);
      },
    };
  }
});
