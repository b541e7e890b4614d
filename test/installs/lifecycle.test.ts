import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningProcess, startProcess } from '../helpers/processes.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { addInstalls } from './tokens/add-installs.ts';

describe('the handlers of installs and uninstalls', () => {
  let world: World;
  const running: RunningProcess[] = [];
  /** Handlers that wait for leave, while the gate is closed. */
  let waiting: ServerResponse[] = [];
  let open = true;
  const gate = createServer((_req, res) => {
    if (open) res.end();
    else waiting.push(res);
  });

  beforeAll(async () => {
    world = await startWorld();
    await world.sandbox.control('portals', { from: 6_200_001, count: 2 });
    await once(gate.listen(0), 'listening');
    await world.ctx.pool.query(
      'create table effects (type text, portal_id bigint, install_id bigint, at timestamptz default now())',
    );
  });
  beforeEach(async () => {
    open = true;
    await world.ctx.pool.query('truncate effects');
  });
  afterAll(async () => {
    await Promise.all(running.map((one) => one.kill('SIGKILL')));
    gate.closeAllConnections();
    gate.close();
    await world.close();
  });

  async function startWorker(): Promise<RunningProcess> {
    const { port } = gate.address() as AddressInfo;
    const worker = await startProcess('test/installs/lifecycle-worker.ts', {
      ...world.settings,
      GATE_URL: `http://localhost:${port}`,
    });
    running.push(worker);
    return worker;
  }

  async function effects(): Promise<string[]> {
    const { rows } = await world.ctx.pool.query('select * from effects order by install_id, type');
    return rows.map(({ type, portal_id, install_id }) => `${type} ${portal_id} ${install_id}`);
  }

  const installId = async (portalId: number) =>
    (await world.ctx.installs.store.find(world.ctx.pool, portalId))?.installId;

  const settled = () =>
    until('every event to be done', async () => {
      const { rows } = await world.ctx.pool.query(
        `select count(*) from webhook_events where state in ('waiting', 'retrying')`,
      );
      return rows[0].count === 0;
    });

  it('run once per install and once per uninstall, with two workers and repeated requests', async () => {
    await Promise.all([startWorker(), startWorker()]);
    expect((await world.install(62515)).status).toBe(200);
    const first = await installId(62515);
    await Promise.all([1, 2, 3].map(() => world.apiRequest('DELETE', '/hubid/62515')));
    expect((await world.install(62515)).status).toBe(200);
    const second = await installId(62515);
    await world.sandbox.control('uninstall', { portalId: 62515 });
    await Promise.all([1, 2, 3].map(() => world.apiRequest('GET', '/hubid/62515/contact/x@example.com')));
    await settled();
    expect(await effects()).toEqual([
      `app.installed 62515 ${first}`,
      `app.uninstalled 62515 ${first}`,
      `app.installed 62515 ${second}`,
      `app.uninstalled 62515 ${second}`,
    ]);
    for (const one of running.splice(0)) await one.kill('SIGKILL');
  });

  it('run once for an install, however often its customer consents', async () => {
    await startWorker();
    expect((await world.install(6_200_001)).status).toBe(200);
    const id = await installId(6_200_001);
    expect((await world.install(6_200_001)).status).toBe(200);
    // HubSpot not saying whether the former install lives is no reason to end it.
    await world.sandbox.control('failures', { path: '/oauth/*/introspect', delayMs: 0 });
    await world.sandbox.control('failures', { path: '/oauth/*/introspect', status: 503 });
    expect((await world.install(6_200_001)).status).toBe(200);
    expect(await world.json('DELETE', '/hubid/6200001')).toMatchObject({ state: 'uninstalled' });
    await settled();
    expect(await effects()).toEqual([`app.installed 6200001 ${id}`, `app.uninstalled 6200001 ${id}`]);
    for (const one of running.splice(0)) await one.kill('SIGKILL');
  });

  it('run for the unnoticed end of an install before the next one begins', async () => {
    expect((await world.install(6_200_002)).status).toBe(200);
    const first = await installId(6_200_002);
    await world.sandbox.control('uninstall', { portalId: 6_200_002 });
    expect((await world.install(6_200_002)).status).toBe(200);
    const second = await installId(6_200_002);
    expect(second).toBeGreaterThan(first ?? 0);
    await startWorker();
    await settled();
    const { rows } = await world.ctx.pool.query('select type, install_id from effects order by at');
    expect(rows.map(({ type, install_id }) => `${type} ${install_id}`)).toEqual([
      `app.installed ${first}`,
      `app.uninstalled ${first}`,
      `app.installed ${second}`,
    ]);
    const history = await world.ctx.services.installs.history(6_200_002);
    expect(history.slice(-2).map(({ toState, installId }) => [toState, installId])).toEqual([
      ['needs_reconnect', first],
      ['active', second],
    ]);
    for (const one of running.splice(0)) await one.kill('SIGKILL');
  });

  it('run once when the worker is killed with SIGKILL while they run', async () => {
    open = false;
    const portals = await addInstalls(world, { from: 6_000_000, count: 6 });
    for (const portalId of portals) await world.sandbox.control('uninstall', { portalId });
    const victim = await startWorker();
    expect((await world.install(62516)).status).toBe(200);
    for (const portalId of portals) await world.apiRequest('GET', `/hubid/${portalId}/contact/x@example.com`);
    await until('handlers to be in the middle', () => waiting.length > 0);
    expect(await effects()).toEqual([]);
    await victim.kill('SIGKILL');
    waiting = [];
    open = true;

    await startWorker();
    await settled();
    const expected = [`app.installed 62516 ${await installId(62516)}`];
    for (const portalId of portals) expected.push(`app.uninstalled ${portalId} ${await installId(portalId)}`);
    expect((await effects()).sort()).toEqual(expected.sort());
  });

  it('do not run for an install that was not stored', async () => {
    const before = await events();
    await world.sandbox.control('failures', { path: '/oauth/*/token', status: 503 });
    expect((await world.install(62516)).status).toBe(502);
    expect(await events()).toBe(before);
  });

  async function events(): Promise<number> {
    const { rows } = await world.ctx.pool.query('select count(*) from webhook_events');
    return rows[0].count;
  }
});
