import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startSandbox } from '../../sandbox/index.ts';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';
import { freePort, type RunningProcess, startProcess } from '../helpers/processes.ts';
import { createSandboxClient, type SandboxClient } from '../helpers/sandbox-client.ts';
import { API_KEY, testSettings } from '../helpers/settings.ts';
import { unlessBusy, until } from '../helpers/until.ts';
import { PROJECT } from '../helpers/vendor.ts';

describe('real processes', () => {
  let database: TestDatabase;
  let sandbox: Awaited<ReturnType<typeof startSandbox>>;
  let control: SandboxClient;
  let db: pg.Pool;
  let settings: Record<string, string>;
  const webs: { url: string; process: RunningProcess }[] = [];
  const running: RunningProcess[] = [];
  const emails = new Map<number, string>();

  beforeAll(async () => {
    database = await createDatabase();
    db = new pg.Pool({ connectionString: database.url, max: 1 });
    const ports = [await freePort(), await freePort()];
    const serverUrl = `http://localhost:${ports[0]}`;
    sandbox = await startSandbox({ port: 0, serverUrl, projectFolder: PROJECT });
    control = createSandboxClient(sandbox.url);
    // These tests call more than a portal may; what they are about is other than its limit.
    await control.setApp({ rateLimit: null });
    settings = {
      ...testSettings({ databaseUrl: database.url, serverUrl, sandboxUrl: sandbox.url }),
      HUBSPOT_RATE_LIMIT: '1000',
    };
    for (const port of ports) {
      const web = await startProcess('app/server.ts', { ...settings, PORT: String(port) });
      webs.push({ url: `http://localhost:${port}`, process: web });
      running.push(web);
    }
    const begun = await fetch(`${serverUrl}/install`, { redirect: 'manual' });
    const installed = await fetch(await control.decide(begun.headers.get('location') ?? '', 'approve'));
    expect(installed.status).toBe(200);
    for (const objectId of [101, 102]) {
      const card = await control.control('card', {
        portalId: 62515,
        objectType: 'CONTACT',
        objectId: String(objectId),
      });
      emails.set(objectId, card.body.results[0].properties[0].value);
    }
  });

  afterAll(async () => {
    await Promise.all(running.map((one) => one.kill('SIGKILL')));
    await sandbox.close();
    await db.end();
    await database.drop();
  });

  it('two web and two worker processes refresh an expired token once', async () => {
    const workers = [
      await startProcess('app/worker.ts', settings),
      await startProcess('app/worker.ts', settings),
    ];
    running.push(...workers);
    await control.control('clock', { advanceSeconds: 3600 });
    const events = Array.from({ length: 10 }, (_, eventId) => ({
      subscriptionType: 'contact.propertyChange',
      portalId: 62515,
      objectId: 101,
      eventId,
      propertyName: 'phone',
      propertyValue: String(eventId),
    }));
    const headers = { authorization: `Bearer ${API_KEY}` };
    const [, ...answers] = await Promise.all([
      control.control('webhooks', { events, batchSize: 1 }),
      ...Array.from({ length: 40 }, (_, index) =>
        unlessBusy(() =>
          fetch(`${webs[index % 2]?.url}/hubid/62515/contact/${encodeURIComponent('no.one@example.com')}`, {
            headers,
          }),
        ),
      ),
    ]);
    // The contact does not exist: 404 from HubSpot means that the token was good.
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
    await until('all events handled', async () => (await handledEvents(101)) === 10);
    const { results } = await control.read('tokens?portalId=62515');
    expect(results[0].refreshes).toBe(1);
    for (const worker of workers) expect(await worker.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('a worker finishes the running handler on SIGTERM and exits with 0', async () => {
    const path = '/crm/objects/2026-09/contacts/101';
    const worker = await startProcess('app/worker.ts', settings);
    try {
      const seen = (await control.read(`requests?path=${path}`)).results.length;
      // HubSpot answers late, so the handler is under way when the signal comes.
      await control.control('failures', { method: 'GET', path, status: 404, delayMs: 1_500, times: 1 });
      const event = {
        subscriptionType: 'contact.propertyChange',
        portalId: 62515,
        objectId: 101,
        eventId: 900,
      };
      await control.control('webhooks', {
        events: [{ ...event, propertyName: 'phone', propertyValue: '900' }],
      });
      await until(
        'the handler to ask HubSpot',
        async () => (await control.read(`requests?path=${path}`)).results.length > seen,
      );
      expect(await worker.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(worker.output()).not.toContain('work was');
      const { rows } = await db.query(`select state from webhook_events where event->>'eventId' = '900'`);
      expect(rows).toEqual([{ state: 'done' }]);
    } finally {
      await worker.kill('SIGKILL');
    }
  });

  it('no event is lost when a worker is killed between delivery and handling', async () => {
    const stuck = await startProcess('app/worker.ts', settings);
    running.push(stuck);
    const path = '/crm/objects/2026-09/contacts/102';
    const requests = async () => (await control.read(`requests?path=${path}`)).results.length;
    const events = Array.from({ length: 30 }, (_, eventId) => ({
      subscriptionType: 'contact.propertyChange',
      portalId: 62515,
      objectId: 102,
      eventId,
      propertyName: 'phone',
      propertyValue: String(eventId),
    }));
    const deliver = async (some: typeof events) => {
      const { deliveries } = await control.control('webhooks', { events: some, batchSize: 7 });
      expect(deliveries.every(({ status }: { status: number }) => status === 204)).toBe(true);
    };
    await deliver(events.slice(0, 8));
    await until('the first events handled', async () => (await handledEvents(102)) === 8);
    // HubSpot answers late, so the worker is in the middle of its handlers when it dies.
    const before = await requests();
    await control.control('failures', { method: 'GET', path, status: 500, delayMs: 60_000, times: 1 });
    await deliver(events.slice(8));
    await until('the worker to be in the middle', async () => (await requests()) > before);
    await stuck.kill('SIGKILL');
    expect(await handledEvents(102)).toBe(8);

    running.push(await startProcess('app/worker.ts', settings));
    await until('every event handled', async () => (await handledEvents(102)) === 30, 60);
  });

  it('a web process finishes the running request on SIGTERM', async () => {
    await control.control('failures', {
      method: 'GET',
      path: '/crm/objects/2026-09/contacts/*',
      status: 404,
      delayMs: 700,
      times: 1,
    });
    const [, second] = webs;
    const seen = (await control.read('requests')).results.length;
    const answer = fetch(`${second?.url}/hubid/62515/contact/slow@example.com`, {
      headers: { authorization: `Bearer ${API_KEY}` },
    });
    await until('the request at HubSpot', async () => (await control.read('requests')).results.length > seen);
    const ended = second?.process.kill('SIGTERM');
    expect((await answer).status).toBe(404);
    expect(await ended).toEqual({ code: 0, signal: null });
    await expect(fetch(`${second?.url}/healthz`)).rejects.toThrow();
  });

  async function handledEvents(objectId: number): Promise<number> {
    const email = encodeURIComponent(emails.get(objectId) ?? '');
    return (await control.read(`timeline?portalId=62515&email=${email}`)).results.length;
  }
});
