import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../app/cli/crm.ts';
import { type CrmWorld, startCrmWorld } from '../helpers/crm-world.ts';
import { hubspotCommand } from './hubspot-command.ts';
import { runInProcess } from './in-process.ts';

const DAILY = 'The account’s daily call limit is used up; it resets at midnight in the account’s time zone.';

describe('a rate-limited command', () => {
  let world: CrmWorld;
  beforeAll(async () => {
    world = await startCrmWorld();
  });
  afterAll(() => world.close());
  beforeEach(() => world.ctx.pool.query('delete from call_budgets'));

  const refuse = (policyName: string, times: number, headers: Record<string, string> = {}) =>
    world.sandbox.control('failures', {
      path: '/crm/*',
      status: 429,
      headers,
      times,
      body: { status: 'error', category: 'RATE_LIMITS', message: 'A limit is reached.', policyName },
    });
  const get = (settings: Record<string, string> = {}) =>
    hubspotCommand({ ...world.settings, HUBSPOT_RATE_LIMIT: '110', ...settings }, 'contacts', 'get', '101');

  /** Seconds from `begun` until the time that the message names, in the zone that it names. */
  function secondsUntilTry(errors: string, begun: number): number {
    const [, day, time, hours = ''] = /Try again at (\S+) (\S+) GMT([+-]\d+)\.$/m.exec(errors) ?? [];
    const zone = `${hours.slice(0, 1)}${hours.slice(1).padStart(2, '0')}:00`;
    return (Date.parse(`${day}T${time}${zone}`) - begun) / 1000;
  }

  it.each([
    ['Asia/Tokyo', /GMT\+9\.$/m],
    ['America/New_York', /GMT-[45]\.$/m],
    ['UTC', /GMT\+0\.$/m],
  ])('prints the daily limit and the local time of the next retry in %s', async (TZ, zone) => {
    await refuse('DAILY', 1, { 'Retry-After': '7200' });
    const begun = Date.now();
    const { code, errors } = await get({ TZ });
    expect(code).toBe(1);
    expect(errors).toContain(`429 RATE_LIMITS: A limit is reached.\n  ${DAILY} Try again at `);
    expect(errors).toMatch(zone);
    expect(secondsUntilTry(errors, begun)).toBeGreaterThanOrEqual(7_200);
    expect(secondsUntilTry(errors, begun)).toBeLessThan(7_200 + 60);
  });

  it('prints a time also when HubSpot returns none, and for calls that are no longer sent', async () => {
    await refuse('DAILY', 1);
    const begun = Date.now();
    const first = await get();
    expect(first.errors).toContain(DAILY);
    expect(secondsUntilTry(first.errors, begun)).toBeGreaterThanOrEqual(15 * 60);

    const second = await get();
    expect(second.code).toBe(1);
    expect(second.errors).toContain(
      `not sent: an earlier call met the daily limit\n  ${DAILY} Try again at `,
    );
    expect(secondsUntilTry(second.errors, begun)).toBeGreaterThan(14 * 60);
    expect(secondsUntilTry(second.errors, begun)).toBeLessThan(16 * 60);
  });

  it('reports the limit once for all rows of a file', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'limits-'));
    const file = path.join(folder, 'new.csv');
    await writeFile(file, 'name\nOne\nTwo\n');
    await refuse('DAILY', 1);
    const { problem } = await runInProcess(world.ctx, crmCommands, 'companies', 'create', '--file', file);
    expect(problem?.message).toContain(`2 of 2 rows failed. ${DAILY} Try again at `);
    await rm(folder, { recursive: true });
  });

  it('does not mention limits in other errors', async () => {
    await world.sandbox.control('failures', { path: '/crm/*', status: 400, times: 1, body: {} });
    expect((await get()).errors).not.toMatch(/limit|Try again/);
  });
});
