import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BatchOutcome } from '../../app/hubspot/client/batch.ts';
import type { PortalClient } from '../../app/hubspot/portal-client.ts';
import { between } from '../helpers/sandbox-client.ts';
import { startWorld, type World } from '../helpers/world.ts';

interface Fault {
  readonly name: string;
  readonly failure: Failure;
  /** Which calls are sent again when the fault passes: all, those that are safe to repeat, reads, or none. */
  readonly sentAgain: 'all' | 'safe' | 'reads' | 'none';
  /** The inputs are refused: batches that can be repeated look for those to blame. */
  readonly blamesInputs?: boolean;
  /** Milliseconds that lie at least between the two. */
  readonly wait?: number;
}

interface Failure {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly delayMs?: number;
}

const CORRELATION = '4b0b8f3e-6a5b-4c1d-9d27-5f4f1a2b3c4d';
const error = (status: number, body: Record<string, unknown> = {}) => ({
  status,
  body: { status: 'error', correlationId: CORRELATION, ...body },
});
const rateLimit = (policyName: string) =>
  error(429, {
    errorType: 'RATE_LIMIT',
    category: 'RATE_LIMITS',
    policyName,
    message: `You have reached your ${policyName} limit.`,
  });

/** What a wait of our own begins with, at its shortest. */
const FIRST = 225;

const FAULTS: readonly Fault[] = [
  {
    name: '400',
    failure: error(400, { category: 'VALIDATION_ERROR' }),
    sentAgain: 'none',
    blamesInputs: true,
  },
  { name: '401', failure: error(401, { category: 'EXPIRED_AUTHENTICATION' }), sentAgain: 'all' },
  { name: '403', failure: error(403, { category: 'MISSING_SCOPES' }), sentAgain: 'none' },
  { name: '404', failure: error(404, { category: 'OBJECT_NOT_FOUND' }), sentAgain: 'none' },
  { name: '409', failure: error(409, { category: 'CONFLICT' }), sentAgain: 'none', blamesInputs: true },
  { name: '414', failure: error(414), sentAgain: 'none' },
  { name: '423', failure: error(423), sentAgain: 'all', wait: 2_000 },
  { name: '429 of ten seconds', failure: rateLimit('TEN_SECONDLY_ROLLING'), sentAgain: 'all', wait: 2_000 },
  { name: '429 of the day', failure: rateLimit('DAILY'), sentAgain: 'none' },
  { name: '477', failure: { ...error(477), headers: { 'retry-after': '1' } }, sentAgain: 'all', wait: 1_000 },
  { name: '477 without a time', failure: error(477), sentAgain: 'none' },
  { name: '488', failure: error(488, { correctHublet: 'eu1' }), sentAgain: 'all', wait: FIRST },
  { name: '500', failure: error(500), sentAgain: 'safe', wait: FIRST },
  { name: '502', failure: { status: 502, body: '<html>Bad gateway</html>' }, sentAgain: 'safe', wait: FIRST },
  { name: '503', failure: error(503), sentAgain: 'safe', wait: FIRST },
  { name: '504', failure: error(504), sentAgain: 'safe', wait: FIRST },
  { name: '521', failure: error(521), sentAgain: 'safe', wait: FIRST },
  { name: '522', failure: error(522), sentAgain: 'none' },
  { name: '523', failure: error(523), sentAgain: 'safe', wait: FIRST },
  { name: '524', failure: error(524), sentAgain: 'safe', wait: FIRST },
  { name: 'no answer in time', failure: { delayMs: 3_000 }, sentAgain: 'safe', wait: FIRST },
  { name: 'an empty body', failure: { status: 200, body: '' }, sentAgain: 'reads', wait: FIRST },
  { name: 'a connection reset', failure: { status: 0 }, sentAgain: 'safe', wait: FIRST },
  {
    name: 'an HTML page',
    failure: { status: 200, body: '<html>Hello</html>' },
    sentAgain: 'safe',
    wait: FIRST,
  },
  {
    name: 'truncated JSON',
    failure: { status: 200, body: '{"id": "1', headers: { 'content-type': 'application/json' } },
    sentAgain: 'safe',
    wait: FIRST,
  },
];

const CONTACTS = '/crm/objects/2026-09/contacts';

interface Call {
  readonly name: string;
  readonly safe: boolean;
  /** Has several inputs and can be repeated. */
  readonly halves?: boolean;
  readonly method: string;
  readonly path: string;
  run(hubspot: PortalClient, unique: string): Promise<unknown>;
}

const CALLS: readonly Call[] = [
  {
    name: 'a read',
    safe: true,
    method: 'GET',
    path: `${CONTACTS}/101`,
    run: (hubspot) => hubspot.contacts.get('101'),
  },
  {
    name: 'a create',
    safe: false,
    method: 'POST',
    path: CONTACTS,
    run: (hubspot, unique) => hubspot.contacts.create({ email: `${unique}@example.com` }),
  },
  {
    name: 'a create-or-update',
    safe: true,
    method: 'POST',
    path: `${CONTACTS}/batch/upsert`,
    run: (hubspot, unique) => hubspot.contacts.createOrUpdate(`${unique}@example.com`, { firstname: 'A' }),
  },
  {
    name: 'a batch of creates',
    safe: false,
    method: 'POST',
    path: `${CONTACTS}/batch/create`,
    run: async (hubspot, unique) => {
      const emails = [`${unique}-1@example.com`, `${unique}-2@example.com`];
      allDone(await hubspot.contacts.batchCreate(emails.map((email) => ({ properties: { email } }))));
    },
  },
  {
    name: 'a batch of updates',
    safe: true,
    halves: true,
    method: 'POST',
    path: `${CONTACTS}/batch/update`,
    run: async (hubspot, unique) => {
      const inputs = ['101', '102'].map((id) => ({ id, properties: { lastname: unique } }));
      allDone(await hubspot.contacts.batchUpdate(inputs));
    },
  },
];

/** Ends as the call of a single input would: with the error of one that failed. */
function allDone(outcomes: readonly BatchOutcome<unknown, unknown>[]) {
  for (const { failure } of outcomes) {
    if (failure) throw failure.error ?? new Error(failure.message);
  }
}

describe('a call during a transient fault of HubSpot', () => {
  let world: World;
  let count = 0;

  beforeAll(async () => {
    // Waits within the call are what is tested here, so they have room.
    world = await startWorld({
      callDeadlinesMs: { interactive: 10_000, background: 10_000 },
      callTimeoutMs: 1_000,
      settings: { HUBSPOT_RATE_LIMIT: '0' },
    });
    await world.install();
    await world.sandbox.setApp({ rateLimit: null });
  });
  afterAll(() => world.close());

  describe.each(FAULTS)('$name', ({ failure, sentAgain, blamesInputs = false, wait = 0 }) => {
    it.each(CALLS)('$name', async ({ safe, halves = false, method, path, run }) => {
      count += 1;
      const unique = `fault-${count}`;
      const before = (await sent(method, path)).length;
      await world.sandbox.control('failures', { method, path, times: 1, ...failure });

      const outcome = await run(world.ctx.hubspotFor(62515), unique).then(
        () => 'done',
        (problem) => problem,
      );

      const again =
        sentAgain === 'all' || (sentAgain === 'safe' && safe) || (sentAgain === 'reads' && method === 'GET');
      const halved = blamesInputs && halves;
      const requests = (await sent(method, path)).slice(before);
      expect(requests).toHaveLength(halved ? 3 : again ? 2 : 1);
      // A timer may fire within the millisecond before its time.
      if (again) expect(between(...requests)).toBeGreaterThanOrEqual(wait - 2);
      if (again || halved) expect(outcome).toBe('done');
      else expect(outcome).toMatchObject(toldOf(failure));
    });
  });

  /** What a caller learns of a fault. */
  function toldOf({ status, body }: Failure) {
    if (status === undefined || status < 400) return { message: expect.any(String) };
    const { category, correlationId } = Object(body);
    return {
      name: 'HubSpotError',
      status,
      category,
      correlationId: correlationId ?? expect.stringMatching(/^[\da-f-]{36}$/),
    };
  }

  async function sent(method: string, path: string): Promise<{ at: string }[]> {
    const { results } = await world.sandbox.read(`requests?path=${path}`);
    return results.filter((request: { method: string }) => request.method === method);
  }
});

describe('a card', () => {
  it('is answered within its deadline while HubSpot hangs', async () => {
    const world = await startWorld();
    try {
      await world.install();
      await world.sandbox.control('failures', { path: '/crm/*', delayMs: 60_000, times: 5 });
      const started = performance.now();
      const { status } = await world.sandbox.control('card', { portalId: 62515, objectId: '101' });
      expect(status).toBe(503);
      expect(performance.now() - started).toBeLessThan(8_000);
    } finally {
      await world.close();
    }
  });
});
