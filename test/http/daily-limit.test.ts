import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { installCommands } from '../../app/cli/installs.ts';
import { runInProcess } from '../cli/in-process.ts';
import { expectError } from '../helpers/expect-error.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const PORTAL = 62515;
const CONTACT = `/hubid/${PORTAL}/contact/jane@example.com`;
const SAID =
  /^The account’s daily call limit is used up; it resets at midnight in the account’s time zone\. Nothing was done; try again at (\S+Z)\.$/;
const QUARTER_HOUR = 15 * 60;

describe('an account that has reached its daily limit', () => {
  let world: World;
  let ahead = 0;
  beforeAll(async () => {
    world = await startWorld({ clock: { now: () => Date.now() + ahead } });
    await world.install();
    await world.install(62516);
    await world.sandbox.setApp({ rateLimit: null });
  });
  afterAll(() => world.close());

  const refuse = (headers: Record<string, string> = {}) =>
    world.sandbox.control('failures', {
      path: '/crm/*',
      status: 429,
      headers,
      body: { status: 'error', category: 'RATE_LIMITS', message: 'A limit is reached.', policyName: 'DAILY' },
    });
  const calls = async () => (await world.sandbox.read('requests?path=/crm/*')).results.length;

  /** What the API says, and how many seconds from `begun` the time lies that it names. */
  async function refused(begun: number) {
    const answer = await world.apiRequest('GET', CONTACT);
    const message = await expectError(answer, 503, 'hubspot_daily_limit');
    const [, time = ''] = SAID.exec(message) ?? [];
    return {
      seconds: (Date.parse(time) - begun) / 1000,
      retryAfter: Number(answer.headers['retry-after']),
    };
  }

  interface Shown {
    readonly name: string;
    readonly message: string;
  }

  async function alarms(): Promise<Shown[]> {
    ahead += 1_000;
    const { alarms } = (await world.request('GET', '/readyz')).body as { alarms: Shown[] };
    return alarms;
  }

  it('gets 503 with the time of the next retry, also for calls that are not sent', async () => {
    await refuse();
    const begun = Date.now();
    for (const _ of ['the call that HubSpot refuses', 'one that is not sent']) {
      const { seconds, retryAfter } = await refused(begun);
      expect(seconds).toBeGreaterThan(QUARTER_HOUR - 60);
      expect(seconds).toBeLessThan(QUARTER_HOUR + 120);
      expect(retryAfter).toBeGreaterThan(QUARTER_HOUR - 60);
    }
    expect(await calls()).toBe(1);
  });

  it('has an alarm in /readyz and with the install, and other accounts have none', async () => {
    const message =
      /^The daily limit of HubSpot calls of portal 62515 is used up; .* until the next try, at \S+Z; what was accepted is kept\.$/;
    const expected = { name: `daily_limit:${PORTAL}`, message: expect.stringMatching(message) };
    expect(await until('the alarm', async () => (await alarms()).length > 0 && alarms())).toMatchObject([
      expected,
    ]);
    const show = async (portal: number) => {
      const { output } = await runInProcess(world.ctx, [installCommands], 'installs', 'show', String(portal));
      return output;
    };
    expect(await show(PORTAL)).toMatch(
      /^alarms +since \S+Z: The daily limit of HubSpot calls of portal 62515/m,
    );
    expect(await show(62516)).not.toContain('daily limit');
  });

  it('is called again after 15 minutes, which clears the alarm', async () => {
    await world.ctx.pool.query('update call_budgets set not_before = 0');
    expect((await world.apiRequest('GET', CONTACT)).status).toBe(200);
    await until('the alarm to end', async () => (await alarms()).length === 0);
  });

  it('waits for Retry-After', async () => {
    await refuse({ 'retry-after': '7200' });
    const { seconds, retryAfter } = await refused(Date.now());
    expect(seconds).toBeGreaterThan(7_190);
    expect(retryAfter).toBe(7_200);
  });
});
