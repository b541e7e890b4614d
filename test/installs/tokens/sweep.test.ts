import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { scheduledJobs } from 'node-schedule';
import { loadConfig } from '../../../app/config.ts';
import { type Context, createContext } from '../../../app/context.ts';
import { createSessionLocks, LOCKS } from '../../../app/db/session-locks.ts';
import { enqueueSlot, startSchedule } from '../../../app/schedule.ts';
import { startJobRunner } from '../../../app/tasks.ts';
import { startProcess } from '../../helpers/processes.ts';
import { until } from '../../helpers/until.ts';
import { startWorld, type World } from '../../helpers/world.ts';
import { addInstalls } from './add-installs.ts';

const JOB = 'refresh-expiring-tokens';
const UNAUTHORIZED = { error: 'unauthorized_client', error_description: 'no' };

describe('the sweep', () => {
  let world: World;
  let other: Context;
  let from = 4_000_000;

  beforeAll(async () => {
    world = await startWorld();
    other = createContext(world.ctx.config, world.ctx.logger);
  });
  beforeEach(async () => {
    from += 10_000;
    await world.ctx.pool.query('delete from installs');
    await world.ctx.pool.query('delete from graphile_worker._private_jobs');
    await world.ctx.pool.query('delete from schedule_slots');
  });
  afterAll(async () => {
    await other.close();
    await world.close();
  });

  const sweep = (ctx = world.ctx) => ctx.installs.sweep({ stopping: () => false, longestMs: 240_000 });
  const due = (count: number, dueInSeconds = -10) =>
    addInstalls(world, { from, count, secondsLeft: 400, dueInSeconds });

  /** How often each account has been refreshed at HubSpot, as `{times: accounts}`. */
  async function refreshes(portals: number[]): Promise<Record<number, number>> {
    const { results } = await world.sandbox.read('tokens');
    const counted: Record<number, number> = {};
    for (const { portalId, refreshes } of results) {
      if (portals.includes(portalId)) counted[refreshes] = (counted[refreshes] ?? 0) + 1;
    }
    return counted;
  }

  async function stillDue(): Promise<number> {
    const { rows } = await world.ctx.pool.query(
      'select count(*) from installs where refresh_due_at <= now()',
    );
    return rows[0].count;
  }

  async function jobs(): Promise<{ key: string; run_at: Date }[]> {
    const { rows } = await world.ctx.pool.query('select key, run_at from graphile_worker.jobs');
    return rows;
  }

  it('refreshes every token that is due, over several pages, and no other', async () => {
    const portals = await due(1100);
    from += 2000;
    const later = await due(20, 390);
    await sweep();
    expect(await refreshes(portals)).toEqual({ 1: 1100 });
    expect(await refreshes(later)).toEqual({ 0: 20 });
    await sweep();
    expect(await refreshes(portals)).toEqual({ 1: 1100 });
  });

  it('refreshes each portal once when two processes run it at the same time', async () => {
    const portals = await due(200);
    await Promise.all([sweep(), sweep(other), sweep(), sweep(other)]);
    expect(await refreshes(portals)).toEqual({ 1: 200 });
  });

  it('does not wait for portals that another process is refreshing', async () => {
    const held = (await due(20, -3600)).map(String);
    from += 1_000;
    const others = await due(40);
    const frozen = createSessionLocks({ url: world.database.url }, world.ctx.logger);
    for (const portalId of held) await frozen.tryAcquire(LOCKS.tokenRefresh, portalId);
    await sweep();
    expect(await refreshes(others)).toEqual({ 1: 40 });
    expect(await refreshes(held.map(Number))).toEqual({ 0: 20 });
    await frozen.close();
    await sweep();
    expect(await refreshes(held.map(Number))).toEqual({ 1: 20 });
  });

  it('yields to another process without blocking local calls', async () => {
    const portalId = from;
    await addInstalls(world, { from: portalId, secondsLeft: -1 });
    const frozen = createSessionLocks({ url: world.database.url }, world.ctx.logger);
    await frozen.tryAcquire(LOCKS.tokenRefresh, String(portalId));
    const { tokens } = world.ctx.services;
    const stored = await world.ctx.installs.tokenStore.find(world.ctx.pool, portalId);
    const swept = tokens.refreshIfDue(portalId);
    const token = tokens.renewed(portalId, stored?.accessToken ?? '');
    expect(await swept).toBe(false);
    await frozen.close();
    expect(await token).not.toBe(stored?.accessToken);
    expect(await refreshes([portalId])).toEqual({ 1: 1 });
  });

  it('starts with its worker, and is finished by another worker when that one dies', async () => {
    const portals = await due(400);
    // HubSpot becomes slow after the first hundred, so the worker is in the middle when it dies.
    const next = (times: number, failure: object) =>
      world.sandbox.control('failures', { method: 'POST', path: '/oauth/*/token', times, ...failure });
    await next(100, { delayMs: 0 });
    await next(20, { delayMs: 60_000, status: 503 });
    const victim = await startProcess('app/worker.ts', { ...world.settings });
    await until('the worker to be in the middle', async () => {
      const { results } = await world.sandbox.read('failures');
      const left = await stillDue();
      return results.length === 0 && left > 0 && left < 400;
    });
    await victim.kill('SIGKILL');

    const runner = await startJobRunner(other);
    await until('the rest to be refreshed', async () => (await stillDue()) === 0);
    await runner.stop();
    expect(await refreshes(portals)).toEqual({ 1: 400 });
  });

  it('continues when some portals have ended or fail', async () => {
    const portals = await due(60);
    for (const portalId of portals.slice(0, 5)) await world.sandbox.control('uninstall', { portalId });
    const failure = { method: 'POST', path: '/oauth/*/token', status: 500, times: 5 };
    await world.sandbox.control('failures', failure);
    await sweep();
    const { rows } = await world.ctx.pool.query(
      'select state, count(*) from installs group by state order by state',
    );
    const counts = Object.fromEntries(rows.map(({ state, count }) => [state, count]));
    // Which ones meet the five failures is chance: they may be among those that are over.
    expect(counts.backing_off).toBe(5);
    expect(counts.active).toBe(60 - 5 - (counts.needs_reconnect ?? 0));
    expect(counts.active).toBeGreaterThanOrEqual(50);
  });

  it('skips a portal that HubSpot refuses to refresh, and raises an alarm for it', async () => {
    const portals = await due(600);
    const banned = { status: 403, body: { status: 'error', message: 'no', category: 'BANNED' } };
    await world.sandbox.control('failures', { method: 'POST', path: '/oauth/*/token', ...banned });
    await sweep();
    expect(await refreshes(portals)).toEqual({ 0: 1, 1: 599 });
    const { rows } = await world.ctx.pool.query(
      `select portal_id, state_reason from installs where state = 'backing_off'`,
    );
    expect(rows).toEqual([{ portal_id: expect.any(Number), state_reason: '403 BANNED' }]);
    expect(await world.ctx.services.alarms.list()).toMatchObject([
      {
        name: `refresh_refused:${rows[0].portal_id}`,
        message: expect.stringContaining(`${rows[0].portal_id}`),
      },
    ]);
    await world.ctx.pool.query('delete from alarms');
  });

  it('continues when HubSpot rejects the app for one portal alone, and raises an alarm for it', async () => {
    const portals = await due(300);
    const path = '/oauth/*/token';
    const failOnce = () =>
      world.sandbox.control('failures', { method: 'POST', path, status: 400, body: UNAUTHORIZED, times: 1 });
    await failOnce();
    const began = Date.now();
    await sweep();
    expect(await refreshes(portals)).toEqual({ 0: 1, 1: 299 });
    const { rows } = await world.ctx.pool.query(
      `select portal_id, refresh_due_at from installs where state = 'backing_off'`,
    );
    expect(rows).toHaveLength(1);
    const [{ portal_id, refresh_due_at }] = rows;
    const refused = async () => (await world.ctx.services.alarms.list()).map(({ name }) => name);
    expect(await refused()).toEqual([`refresh_refused:${portal_id}`]);
    // It makes way for those behind it.
    expect(refresh_due_at.getTime()).toBeGreaterThan(began);

    await world.ctx.pool.query(
      `update installs set refresh_due_at = now(), refresh_failures = 20 where state = 'backing_off'`,
    );
    await failOnce();
    const asked = Date.now();
    await sweep();
    const again = await world.ctx.installs.store.find(world.ctx.pool, portal_id);
    expect(again?.state).toBe('backing_off');
    expect(again?.refreshDueAt?.getTime()).toBeGreaterThanOrEqual(asked + 60_000);
    expect(again?.refreshDueAt?.getTime()).toBeLessThanOrEqual(Date.now() + 60_000);
    expect(await refused()).toEqual([`refresh_refused:${portal_id}`]);
    await world.ctx.pool.query('delete from alarms');
  });

  it('stops when HubSpot rejects the app, and keeps the alarm', async () => {
    const portals = await due(600);
    const config = loadConfig({ ...world.settings, HUBSPOT_CLIENT_SECRET: 'not-the-secret' });
    const misconfigured = createContext(config, world.ctx.logger);
    const asked = (await world.sandbox.read('requests?path=/oauth/*/token')).results.length;
    await sweep(misconfigured);
    const requests = (await world.sandbox.read('requests?path=/oauth/*/token')).results.length - asked;
    expect(requests).toBeLessThanOrEqual(20);
    const alarms = async () => (await world.ctx.services.alarms.list()).map(({ name }) => name);
    expect(await alarms()).toContain('app_misconfigured');
    expect(await refreshes(portals)).toEqual({ 0: 600 });
    expect(await jobs()).toEqual([]);
    await misconfigured.close();

    await world.ctx.pool.query('update installs set refresh_due_at = now()');
    await sweep();
    expect(await refreshes(portals)).toEqual({ 1: 600 });
    expect(await alarms()).toEqual([]);
  });

  it('stops at HubSpot’s rate limit and goes on when HubSpot said', async () => {
    await due(100);
    const limit = { status: 429, headers: { 'retry-after': '7' }, times: 20 };
    await world.sandbox.control('failures', { method: 'POST', path: '/oauth/*/token', ...limit });
    const began = Date.now();
    await sweep();
    expect(await stillDue()).toBe(80);
    const [job] = await jobs();
    expect(job?.key).toBe(JOB);
    expect(job?.run_at.getTime()).toBeGreaterThanOrEqual(began + 7_000);
    expect(job?.run_at.getTime()).toBeLessThanOrEqual(Date.now() + 7_000);
    await sweep();
    expect(await stillDue()).toBe(0);
  });

  it('waits at most a minute for HubSpot’s rate limit, because tokens live for half an hour', async () => {
    await due(30);
    const limit = { status: 429, headers: { 'retry-after': '3600' }, times: 20 };
    await world.sandbox.control('failures', { method: 'POST', path: '/oauth/*/token', ...limit });
    const began = Date.now();
    await sweep();
    const [job] = await jobs();
    expect(job?.run_at.getTime()).toBeGreaterThanOrEqual(began + 60_000);
    expect(job?.run_at.getTime()).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  it('is not started early by the next minute after a rate limit', async () => {
    await due(30);
    const limit = { status: 429, headers: { 'retry-after': '45' }, times: 20 };
    await world.sandbox.control('failures', { method: 'POST', path: '/oauth/*/token', ...limit });
    const began = Date.now();
    await sweep();
    const [before] = await jobs();
    expect(before?.run_at.getTime()).toBeGreaterThanOrEqual(began + 45_000);
    for (const minute of [1, 2]) await enqueueSlot(other, JOB, new Date(Date.UTC(2025, 10, 20, 12, minute)));
    expect(await jobs()).toEqual([before]);
  });

  it('starts no refresh once its worker stops, and leaves the rest to the next sweep', async () => {
    const portals = await due(60);
    const slow = { method: 'POST', path: '/oauth/*/token', delayMs: 5_000, times: 20 };
    await world.sandbox.control('failures', slow);
    await world.ctx.pool.query('select graphile_worker.add_job($1)', [JOB]);
    const runner = await startJobRunner(other);
    await until('the sweep to be in the middle', async () => {
      const { results } = await world.sandbox.read('failures');
      return results.length === 0;
    });
    await runner.stop();
    expect(await refreshes(portals)).toEqual({ 0: 40, 1: 20 });
    const [job] = await jobs();
    expect([job?.key, (job?.run_at.getTime() ?? 0) <= Date.now()]).toEqual([JOB, true]);
  });

  it('is enqueued when the schedule starts, and then every minute', async () => {
    const clock = startSchedule(world.ctx);
    try {
      const sweeps = async () => (await jobs()).filter(({ key }) => key === JOB).length;
      await until('the first one', sweeps);
      await world.ctx.pool.query('delete from graphile_worker._private_jobs');
      // The library's types do not know that a job can be told its time.
      const scheduled = scheduledJobs[JOB] as unknown as { nextInvocation(): Date; invoke(at: Date): void };
      const next = scheduled.nextInvocation().getTime();
      expect([next % 60_000, next > Date.now(), next <= Date.now() + 60_000]).toEqual([0, true, true]);
      // As if that minute had come.
      scheduled.invoke(new Date(next));
      await until('the next one', sweeps);
    } finally {
      clock.stop();
    }
    expect(scheduledJobs[JOB]).toBeUndefined();
  });

  it('is enqueued once per slot, however many processes run the schedule', async () => {
    const slot = (minute: number) => new Date(Date.UTC(2025, 10, 21, 12, minute));
    const fromAll = (minute: number) =>
      Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          enqueueSlot(index % 2 ? other : world.ctx, JOB, slot(minute)),
        ),
      );
    await fromAll(0);
    expect(await jobs()).toHaveLength(1);
    await world.ctx.pool.query('delete from graphile_worker._private_jobs');
    await fromAll(0);
    expect(await jobs()).toEqual([]);
    await fromAll(1);
    expect(await jobs()).toHaveLength(1);
    // A slot that a slow process brings late is over.
    await world.ctx.pool.query('delete from graphile_worker._private_jobs');
    await enqueueSlot(other, JOB, slot(0));
    expect(await jobs()).toEqual([]);
    await fromAll(2);
    await fromAll(3);
    // Two slots that no worker has begun are one sweep.
    expect(await jobs()).toHaveLength(1);
  });

  it('is enqueued when the clock of a process was ahead, also by that process', async () => {
    const hour = 3600 * 1000;
    const enqueued = async (slot: number) => {
      await world.ctx.pool.query('delete from graphile_worker._private_jobs');
      await enqueueSlot(other, JOB, new Date(slot));
      return (await jobs()).length;
    };
    const now = Date.now();
    // As an earlier version of this server stored it.
    await world.ctx.pool.query('insert into schedule_slots (name, last_slot) values ($1, $2)', [
      JOB,
      new Date(now + 24 * hour),
    ]);
    expect(await enqueued(now)).toBe(1);
    expect(await enqueued(now)).toBe(0);
    expect(await enqueued(now + hour)).toBe(1);
    const { rows } = await world.ctx.pool.query('select last_slot <= now() as past from schedule_slots');
    expect(rows).toEqual([{ past: true }]);
    expect(await enqueued(now + hour)).toBe(1);
    expect(await enqueued(now + 60_000)).toBe(1);
  });
});
