import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HubSpotError } from '../../app/hubspot/errors.ts';
import type { PortalClient } from '../../app/hubspot/portal-client.ts';
import { startWorld, type World } from '../helpers/world.ts';

interface Fault {
  readonly name: string;
  readonly failure: Record<string, unknown>;
  /** Which calls are sent again when the fault passes: all, those that are safe to repeat, or none. */
  readonly sentAgain: 'all' | 'safe' | 'none';
}

const error = (status: number, body: Record<string, unknown> = {}) => ({
  status,
  body: { status: 'error', ...body },
});
const rateLimit = (policyName: string) =>
  error(429, { errorType: 'RATE_LIMIT', policyName, message: `You have reached your ${policyName} limit.` });

const FAULTS: readonly Fault[] = [
  { name: '400', failure: error(400, { category: 'VALIDATION_ERROR' }), sentAgain: 'none' },
  { name: '401', failure: error(401, { category: 'EXPIRED_AUTHENTICATION' }), sentAgain: 'all' },
  { name: '403', failure: error(403, { category: 'MISSING_SCOPES' }), sentAgain: 'none' },
  { name: '404', failure: error(404, { category: 'OBJECT_NOT_FOUND' }), sentAgain: 'none' },
  { name: '409', failure: error(409, { category: 'CONFLICT' }), sentAgain: 'none' },
  { name: '414', failure: error(414), sentAgain: 'none' },
  { name: '423', failure: error(423), sentAgain: 'all' },
  { name: '429 of ten seconds', failure: rateLimit('TEN_SECONDLY_ROLLING'), sentAgain: 'all' },
  { name: '429 of the day', failure: rateLimit('DAILY'), sentAgain: 'none' },
  { name: '477', failure: { ...error(477), headers: { 'retry-after': '1' } }, sentAgain: 'all' },
  { name: '477 without a time', failure: error(477), sentAgain: 'none' },
  { name: '500', failure: error(500), sentAgain: 'safe' },
  { name: '502', failure: { status: 502, body: '<html>Bad gateway</html>' }, sentAgain: 'safe' },
  { name: '503', failure: error(503), sentAgain: 'safe' },
  { name: '504', failure: error(504), sentAgain: 'safe' },
  { name: '521', failure: error(521), sentAgain: 'safe' },
  { name: '522', failure: error(522), sentAgain: 'none' },
  { name: '523', failure: error(523), sentAgain: 'safe' },
  { name: '524', failure: error(524), sentAgain: 'safe' },
  { name: 'no answer in time', failure: { delayMs: 3_000 }, sentAgain: 'safe' },
  { name: 'an empty body', failure: { status: 200, body: '' }, sentAgain: 'none' },
  { name: 'a connection reset', failure: { status: 0 }, sentAgain: 'safe' },
  { name: 'an HTML page', failure: { status: 200, body: '<html>Hello</html>' }, sentAgain: 'safe' },
  {
    name: 'truncated JSON',
    failure: { status: 200, body: '{"id": "1', headers: { 'content-type': 'application/json' } },
    sentAgain: 'safe',
  },
];

const CONTACTS = '/crm/objects/2026-09/contacts';

interface Call {
  readonly name: string;
  readonly safe: boolean;
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
];

describe('a call that meets a fault of HubSpot once', () => {
  let world: World;
  let count = 0;

  beforeAll(async () => {
    // Waits within the call are what is tested here, so they have room.
    world = await startWorld({
      callDeadlinesMs: { interactive: 10_000, background: 10_000 },
      callTimeoutMs: 1_000,
    });
    await world.install();
    await world.sandbox.setApp({ rateLimit: null });
  });
  afterAll(() => world.close());

  describe.each(FAULTS)('$name', ({ failure, sentAgain }) => {
    it.each(CALLS)('$name', async ({ safe, method, path, run }) => {
      count += 1;
      const unique = `fault-${count}`;
      const before = await sent(method, path);
      await world.sandbox.control('failures', { method, path, times: 1, ...failure });

      const outcome = await run(world.ctx.hubspotFor(62515), unique).then(
        () => 'done',
        (problem) => problem,
      );

      const again = sentAgain === 'all' || (sentAgain === 'safe' && safe);
      expect((await sent(method, path)) - before).toBe(again ? 2 : 1);
      if (again) expect(outcome).toBe('done');
      else expect(outcome).toBeInstanceOf(HubSpotError);
    });
  });

  async function sent(method: string, path: string): Promise<number> {
    const { results } = await world.sandbox.read(`requests?path=${path}`);
    return results.filter((request: { method: string }) => request.method === method).length;
  }
});
