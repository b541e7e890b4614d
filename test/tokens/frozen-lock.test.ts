import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createSessionLocks, LOCKS, type SessionLocks } from '../../app/db/session-locks.ts';
import { createHubSpotHttp } from '../../app/hubspot/http.ts';
import { createOAuthApi } from '../../app/hubspot/oauth.ts';
import { createTokenService } from '../../app/services/token-service.ts';
import { startFreezingProxy } from '../helpers/freezing-proxy.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { addInstalls } from './add-installs.ts';

/** A network that loses a connection without a word. */
describe('when the connection that holds the locks freezes', () => {
  let world: World;
  let proxy: Awaited<ReturnType<typeof startFreezingProxy>>;
  let locks: SessionLocks;

  beforeAll(async () => {
    world = await startWorld();
    proxy = await startFreezingProxy(world.database.url);
    locks = createSessionLocks({ url: proxy.url }, world.ctx.logger, 500);
  });
  afterAll(async () => {
    await locks.close();
    await proxy.close();
    await world.close();
  });

  it('a refresh fails soon, and the next one has a connection that works', async () => {
    const [portalId = 0] = await addInstalls(world, { from: 9_100_000, secondsLeft: -1 });
    const { config, logger } = world.ctx;
    const [clientSecret = ''] = config.hubspot.clientSecrets;
    const http = createHubSpotHttp(config.hubspot.apiUrl, logger);
    const oauth = createOAuthApi(http, { ...config.hubspot, clientSecret });
    const tokens = createTokenService({ ...world.ctx, locks, oauth });
    await locks.tryAcquire(LOCKS.tokenRefresh, 'connected');
    proxy.freeze();
    await expect(tokens.accessTokenFor(portalId)).rejects.toThrow('Query read timeout');
    const token = await tokens.accessTokenFor(portalId);
    expect(token).toBe((await world.ctx.installs.findWithTokens(world.ctx.pool, portalId))?.accessToken);
    await tokens.settled();
  });

  it('locks that are kept are taken again', async () => {
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
