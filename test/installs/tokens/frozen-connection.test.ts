import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createPool, type Pool } from '../../../app/db/pool.ts';
import { createSessionLocks, LOCKS, type SessionLocks } from '../../../app/db/session-locks.ts';
import { createCallBudget } from '../../../app/hubspot/client/call-budget.ts';
import { createHubSpotHttp } from '../../../app/hubspot/client/http.ts';
import { createInstalls } from '../../../app/installs/index.ts';
import { publishLifecycle } from '../../../app/webhooks/lifecycle-events.ts';
import { startFreezingProxy } from '../../helpers/freezing-proxy.ts';
import { until } from '../../helpers/until.ts';
import { startWorld, type World } from '../../helpers/world.ts';
import { addInstalls } from './add-installs.ts';

const PATIENCE = { connectMs: 5_000, statementMs: 3_000 };
const LIMIT = { calls: 10, windowMs: 10_000, untilAnswered: false };

/** The network drops connections silently. */
describe('a frozen connection to PostgreSQL', () => {
  let world: World;
  let proxy: Awaited<ReturnType<typeof startFreezingProxy>>;
  let locks: SessionLocks;
  let portal = 9_100_100;

  beforeAll(async () => {
    world = await startWorld();
    proxy = await startFreezingProxy(world.database.url);
    locks = createSessionLocks({ url: proxy.url }, world.ctx.logger, PATIENCE);
  });
  afterAll(async () => {
    await locks.close();
    await proxy.close();
    await world.close();
  });

  /** The token service over these connections. */
  const tokensOver = (connections: { pool?: Pool; locks?: SessionLocks }) => {
    const { config, logger } = world.ctx;
    return createInstalls({
      ...world.ctx,
      ...config,
      app: config.hubspot,
      ring: config.tokenKeys,
      http: createHubSpotHttp(config.hubspot.apiUrl, logger),
      apiPaths: config.hubspot.apiPaths,
      publishLifecycle,
      ...connections,
    }).tokens;
  };
  const stored = async (portalId: number) =>
    (await world.ctx.installs.tokenStore.find(world.ctx.pool, portalId))?.accessToken;

  it('fails the call that reads tokens, and the next call gets another connection', async () => {
    const [portalId = 0] = await addInstalls(world, { from: 9_100_001 });
    const pool = createPool({ url: proxy.url }, () => {}, PATIENCE);
    const tokens = tokensOver({ pool });
    await pool.query('select');
    proxy.freeze();
    await expect(tokens.accessTokenFor(portalId)).rejects.toThrow('Query read timeout');
    expect(await tokens.accessTokenFor(portalId)).toBe(await stored(portalId));
    await pool.end();
  });

  it.each([
    { what: 'is to back off', status: 503, body: '' },
    { what: 'has ended', status: 400, body: { error: 'invalid_grant', status: 'BAD_REFRESH_TOKEN' } },
  ])('fails a refresh that stores that an install $what, and releases its lock', async (failure) => {
    portal += 1;
    await addInstalls(world, { from: portal, secondsLeft: -1 });
    const pool = createPool({ url: proxy.url }, () => {}, PATIENCE);
    const tokens = tokensOver({ pool });
    const { what: _, ...answer } = failure;
    const path = '/oauth/*/token';
    await world.sandbox.control('failures', { method: 'POST', path, delayMs: 1_000, times: 1, ...answer });
    const asked = async () => (await world.sandbox.read(`requests?path=${path}`)).results.length;
    const before = await asked();
    const refused = expect(tokens.accessTokenFor(portal)).rejects.toThrow(/Query read timeout|terminated/);
    await until('the refresh to be under way', async () => (await asked()) > before);
    proxy.freeze();
    await refused;
    expect(await world.ctx.locks.isHeld(world.ctx.pool, LOCKS.tokenRefresh, String(portal))).toBe(false);
    expect(await tokens.accessTokenFor(portal)).toBe(await stored(portal));
    await pool.end();
  });

  it('does not stop calls when it holds the call budgets', async () => {
    const pool = createPool({ url: proxy.url }, () => {}, PATIENCE);
    const limits = { general: LIMIT, search: LIMIT };
    const budget = createCallBudget({ pool, limits, logger: world.ctx.logger });
    await pool.query('select');
    proxy.freeze();
    const answered = await budget.take(9_100_002, 'general', 'interactive', 20_000);
    answered();
    await pool.end();
  });

  it('fails a refresh when it holds the locks, and the next refresh gets another connection', async () => {
    const [portalId = 0] = await addInstalls(world, { from: 9_100_000, secondsLeft: -1 });
    const tokens = tokensOver({ locks });
    await locks.tryAcquire(LOCKS.tokenRefresh, 'connected');
    proxy.freeze();
    await expect(tokens.accessTokenFor(portalId)).rejects.toThrow('Query read timeout');
    expect(await tokens.accessTokenFor(portalId)).toBe(await stored(portalId));
    await tokens.settled();
  });

  it('loses the locks, and kept locks are acquired again', async () => {
    await locks.keep(LOCKS.workerAlive, 'this-worker');
    proxy.freeze();
    await expect(locks.tryAcquire(LOCKS.tokenRefresh, 'any')).rejects.toThrow('Query read timeout');
    const held = () => locks.isHeld(world.ctx.pool, LOCKS.workerAlive, 'this-worker');
    await until('the lock to be taken again', async () => {
      await locks.tryAcquire(LOCKS.tokenRefresh, 'any');
      return held();
    });
  });
});
