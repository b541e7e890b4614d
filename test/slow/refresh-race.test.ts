import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LOCKS } from '../../app/db/session-locks.ts';
import { type RunningProcess, startProcess } from '../helpers/processes.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { addInstalls } from '../installs/tokens/add-installs.ts';
import type { Command, Outcome } from '../installs/tokens/caller.ts';

const PROCESSES = 4;
const CALLS = 200;
const PORTALS = 20;
/** For how long HubSpot holds answers back while a process is killed. Others wait for a lock for twenty seconds. */
const HELD_MS = 8_000;

describe('four processes with twenty expired portals', () => {
  let world: World;
  let processes: RunningProcess[];
  let portals: number[];
  let from = 1_000_000;
  let aheadMs = 0;

  beforeAll(async () => {
    world = await startWorld({
      clock: { now: () => Date.now() + aheadMs },
      settings: { HUBSPOT_RATE_LIMIT: '0' },
    });
    await world.sandbox.setApp({ rateLimit: null });
    processes = await Promise.all(Array.from({ length: PROCESSES }, start));
  });
  beforeEach(async () => {
    from += PORTALS;
    portals = await addInstalls(world, { from, count: PORTALS });
  });
  afterEach(() => world.sandbox.setApp({ rotateRefreshTokens: false }));
  afterAll(async () => {
    await Promise.all(processes.map((one) => one.kill('SIGKILL')));
    await world.close();
  });

  const start = () => startProcess('test/installs/tokens/caller.ts', world.settings);

  async function ask(asked: RunningProcess, via: Command['via'], calls = CALLS): Promise<Outcome> {
    const answer = once(asked.child, 'message');
    asked.child.send({ portals, calls, via, aheadMs } satisfies Command);
    const [outcome] = await answer;
    return outcome;
  }

  async function askAll(via: Command['via'], asked = processes): Promise<Outcome> {
    const outcomes = await Promise.all(asked.map((one) => ask(one, via)));
    return {
      failures: outcomes.flatMap(({ failures }) => failures),
      tokens: [...new Set(outcomes.flatMap(({ tokens }) => tokens))],
    };
  }

  /** The tokens die at HubSpot; `known` to the app, or only to be learned from a 401. */
  async function expire({ known }: { known: boolean }) {
    await world.sandbox.control('clock', { advanceSeconds: 3600 });
    if (known) aheadMs += 3_600_000;
  }

  async function counts(): Promise<{ refreshes: number; rotations: number; revoked: boolean }[]> {
    const answers = portals.map((portalId) => world.sandbox.read(`tokens?portalId=${portalId}`));
    return (await Promise.all(answers)).map(({ results }) => results[0]);
  }

  const refreshes = async () => (await counts()).map((count) => count.refreshes);
  const each = (value: unknown) => Array(PORTALS).fill(value);

  async function states() {
    const { rows } = await world.ctx.pool.query(
      'select distinct state, refresh_failures from installs where portal_id = any($1)',
      [portals],
    );
    return rows;
  }

  const ACTIVE = [{ state: 'active', refresh_failures: 0 }];

  it.each([
    { what: 'as HubSpot is today', rotate: false },
    { what: 'while HubSpot replaces the refresh token at each use', rotate: true },
  ])('refresh each once, with no failed call, $what', async ({ rotate }) => {
    await world.sandbox.setApp({ rotateRefreshTokens: rotate });
    for (let round = 1; round <= 3; round += 1) {
      await expire({ known: true });
      const { failures, tokens } = await askAll('tokens');
      expect(failures).toEqual([]);
      expect(tokens).toHaveLength(PORTALS);
      expect(await refreshes()).toEqual(each(round));
    }
    expect((await counts()).map(({ rotations }) => rotations)).toEqual(each(rotate ? 3 : 0));
    expect(await states()).toEqual(ACTIVE);
  });

  it('refresh each once, without a failed data call, when they learn of it from a 401', async () => {
    await world.sandbox.setApp({ rotateRefreshTokens: true });
    for (let round = 1; round <= 2; round += 1) {
      await expire({ known: false });
      expect((await askAll('data')).failures).toEqual([]);
      expect(await refreshes()).toEqual(each(round));
    }
    expect(await states()).toEqual(ACTIVE);
  });

  it('continue at once when the refreshing process is killed', async () => {
    await expire({ known: true });
    const victim = await start();
    // HubSpot answers it late, so it holds the locks of all portals when it dies.
    await hold({ status: 503 });
    void ask(victim, 'tokens').catch(() => undefined);
    await refreshesUnderWay();
    const others = await askAndSeeThemWait();
    await victim.kill('SIGKILL');
    const began = performance.now();
    const { failures, tokens } = await others.outcome;
    expect(performance.now() - began).toBeLessThan(HELD_MS);
    expect(failures).toEqual([]);
    expect(tokens).toHaveLength(PORTALS);
    expect(await refreshes()).toEqual(each(1));
    expect(await states()).toEqual(ACTIVE);
    for (const portalId of portals) {
      const history = await world.ctx.services.installs.history(portalId);
      // The killed one's refresh, and the one that took its place.
      expect(history.map(({ fromState, toState }) => [fromState, toState])).toEqual([
        [null, 'active'],
        ['active', 'refreshing'],
        ['refreshing', 'refreshing'],
        ['refreshing', 'active'],
      ]);
    }
  });

  it('lose no portal when the killed process’s refreshes replace the refresh tokens after its death', async () => {
    await world.sandbox.setApp({ rotateRefreshTokens: true });
    await expire({ known: true });
    const victim = await start();
    // Late, but carried out: HubSpot gives its answer to nobody.
    await hold({});
    void ask(victim, 'tokens').catch(() => undefined);
    await refreshesUnderWay();
    const others = await askAndSeeThemWait();
    await victim.kill('SIGKILL');
    expect((await others.outcome).failures).toEqual([]);
    await until('the late refreshes', async () => (await refreshes()).every((count) => count === 2));

    await expire({ known: true });
    expect((await askAll('data')).failures).toEqual([]);
    expect((await counts()).map(({ revoked }) => revoked)).toEqual(each(false));
    expect(await refreshes()).toEqual(each(3));
    expect(await states()).toEqual(ACTIVE);
  });

  it('lose no portal when HubSpot replaces refresh tokens and its responses are lost', async () => {
    await world.sandbox.setApp({ rotateRefreshTokens: true });
    await expire({ known: true });
    const lost = { method: 'POST', path: '/oauth/*/token', status: 0, afterwards: true, times: PORTALS };
    await world.sandbox.control('failures', lost);
    expect((await askAll('tokens')).failures).not.toEqual([]);
    expect(await states()).toEqual([{ state: 'backing_off', refresh_failures: 1 }]);
    await until('the portals to work again', async () => {
      const outcomes = await Promise.all(processes.map((one) => ask(one, 'data', PORTALS)));
      return outcomes.every(({ failures }) => failures.length === 0);
    });
    expect(await refreshes()).toEqual(each(2));
    expect(await states()).toEqual(ACTIVE);
  });

  it('show that they are refreshing, and continue when the connection with the locks is lost', async () => {
    await expire({ known: true });
    const [portalId = 0] = portals;
    await world.sandbox.control('failures', { method: 'POST', path: '/oauth/*/token', delayMs: 3_000 });
    const call = world.ctx.services.tokens.accessTokenFor(portalId);
    await refreshesUnderWay();
    expect(await world.json('GET', `/hubid/${portalId}`)).toMatchObject({ state: 'refreshing' });
    const lost = await world.ctx.pool.query(
      `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = $1
         and database = (select oid from pg_database where datname = current_database())`,
      [LOCKS.tokenRefresh],
    );
    expect(lost.rowCount).toBe(1);
    await call;
    expect(await world.json('GET', `/hubid/${portalId}`)).toMatchObject({ state: 'active' });
    expect((await askAll('tokens')).failures).toEqual([]);
    await expire({ known: true });
    for (const one of portals) await world.ctx.services.tokens.accessTokenFor(one);
    expect(await refreshes()).toEqual(each(2));
  });

  /** HubSpot lets the next refreshes of all portals wait. */
  async function hold(failure: { status?: number }) {
    const held = { method: 'POST', path: '/oauth/*/token', delayMs: HELD_MS, times: PORTALS };
    await world.sandbox.control('failures', { ...held, ...failure });
  }

  async function refreshesUnderWay() {
    await until('the refreshes to be under way', async () => {
      const { results } = await world.sandbox.read('failures');
      return results.length === 0;
    });
  }

  /** Asks the four, and waits until each has tried for locks. */
  async function askAndSeeThemWait(): Promise<{ outcome: Promise<Outcome> }> {
    const { rows } = await world.ctx.pool.query('select clock_timestamp() as now');
    const outcome = askAll('tokens');
    await until('all four to try for the locks', async () => {
      const tried = await world.ctx.pool.query(
        `select count(*) from pg_stat_activity
         where datname = current_database() and query_start > $1 and query like '%pg_try_advisory_lock%'
           and pid <> pg_backend_pid()`,
        [rows[0].now],
      );
      return tried.rows[0].count === PROCESSES;
    });
    return { outcome };
  }
});
