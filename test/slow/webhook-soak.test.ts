import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';
import { createDeliverySender, type DeliverySender } from '../helpers/deliveries.ts';
import { freePort, type RunningProcess, startProcess } from '../helpers/processes.ts';
import { testSettings } from '../helpers/settings.ts';
import { until } from '../helpers/until.ts';
import { THEN } from '../helpers/webhook-world.ts';

const DELIVERIES = 2_000;
const EVENTS_EACH = 100;
const EVENTS = DELIVERIES * EVENTS_EACH;
const CONNECTIONS = 10;
/** Without a limit V8 lets garbage lie about as long as the machine has room, which looks like growth. */
const HEAP_LIMIT = { NODE_OPTIONS: '--max-old-space-size=128' };

describe('200,000 waiting events', () => {
  let database: TestDatabase;
  let db: pg.Pool;
  let settings: Record<string, string>;
  let web: RunningProcess;
  let hubspot: DeliverySender;
  const running: RunningProcess[] = [];

  beforeAll(async () => {
    database = await createDatabase();
    db = new pg.Pool({ connectionString: database.url, max: 2 });
    const port = await freePort();
    const serverUrl = `http://localhost:${port}`;
    settings = testSettings({ databaseUrl: database.url, serverUrl, sandboxUrl: 'http://localhost:9' });
    web = await startProcess('app/server.ts', { ...settings, ...HEAP_LIMIT });
    running.push(web);
    hubspot = createDeliverySender({ url: serverUrl, connections: CONNECTIONS });
  });
  afterAll(async () => {
    hubspot.close();
    await Promise.all(running.map((one) => one.kill('SIGKILL')));
    await db.end();
    await database.drop();
  });

  it('do not grow the memory of the web process while no worker runs', async () => {
    const [, , warm, ...later] = await whileSending(10);
    // Some 60 MB came in meanwhile.
    expect(Math.max(...later) - Number(warm)).toBeLessThan(25);
    expect(await count(`webhook_deliveries where state = 'waiting'`)).toBe(DELIVERIES);
  });

  it('do not grow the memory of the worker that handles them', async () => {
    const env = { ...settings, ...HEAP_LIMIT, PORT: '0' };
    const worker = await startProcess('test/webhooks/pipeline/effects-worker.ts', env);
    running.push(worker);
    const samples: number[] = [];
    for (let done = 0; done < EVENTS; ) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      done = await count(`webhook_events where state = 'done'`);
      if (done > 0) samples.push(residentMegabytes(worker));
    }
    expect(await count(`webhook_deliveries where state = 'waiting'`)).toBe(0);
    const third = Math.ceil(samples.length / 3);
    const [middle, last] = [samples.slice(third, -third), samples.slice(-third)].map((part) =>
      Math.max(...part),
    );
    expect(Number(last) - Number(middle)).toBeLessThan(25);
    expect(Math.max(...samples)).toBeLessThan(350);
  }, 240_000);

  it('leave the worker enough memory to split large deliveries after many small ones', async () => {
    await Promise.all(running.splice(1).map((worker) => worker.kill()));
    const propertyValue = 'x'.repeat(65_000);
    const deliveries = Array.from({ length: 5_500 }, (_, index) => {
      const [event] = delivery(EVENTS + index);
      return [{ ...event, subscriptionType: 'ticket.creation', ...(index >= 2_500 && { propertyValue }) }];
    }).values();
    const connection = async () => {
      for (const next of deliveries) expect((await hubspot.send(next)).status).toBe(204);
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, connection));
    const worker = await startProcess('test/webhooks/pipeline/effects-worker.ts', {
      ...settings,
      ...HEAP_LIMIT,
      PORT: '0',
    });
    running.push(worker);
    await until(
      'all to be split',
      async () => {
        if (worker.child.exitCode !== null || worker.child.signalCode !== null)
          throw new Error(worker.output());
        return (await count(`webhook_deliveries where state = 'waiting'`)) === 0;
      },
      120,
    );
  }, 240_000);

  /** Sends all deliveries; the web process's memory after each of so many parts. */
  async function whileSending(parts: number): Promise<number[]> {
    const samples: number[] = [];
    let next = 0;
    for (let part = 1; part <= parts; part += 1) {
      const end = (DELIVERIES / parts) * part;
      const connection = async () => {
        while (next < end) {
          const { status } = await hubspot.send(delivery(next++));
          if (status !== 204) throw new Error(`answered ${status}`);
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, connection));
      samples.push(residentMegabytes(web));
    }
    return samples;
  }

  function delivery(number: number): object[] {
    return Array.from({ length: EVENTS_EACH }, (_, index) => {
      const eventId = number * EVENTS_EACH + index;
      return {
        eventId,
        subscriptionId: 25,
        portalId: 62515 + (index % 3),
        appId: 193354,
        attemptNumber: 0,
        occurredAt: THEN + eventId,
        subscriptionType: 'company.creation',
        objectId: eventId % 20_000,
        changeSource: 'CRM_UI',
        changeFlag: 'CREATED',
        sourceId: 'userId:123',
        propertyValue: `${eventId}`,
      };
    });
  }

  async function count(from: string): Promise<number> {
    const { rows } = await db.query(`select count(*)::int as count from ${from}`);
    return rows[0].count;
  }
});

function residentMegabytes({ child }: RunningProcess): number {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
