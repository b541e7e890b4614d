import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import type { Context, ContextOptions } from '../../../app/context.ts';
import { startWorld, type World } from '../../helpers/world.ts';
import { addInstalls } from './add-installs.ts';

export const SECOND = 1000;
const HOUR = 3600 * SECOND;

export interface Failure {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** HubSpot's 400 at the token endpoint, with its error codes in the newer and in the older form. */
export const oauthError = (error: string | undefined, status?: string): Failure => ({
  status: 400,
  body: {
    ...(error && { error, error_description: 'no' }),
    ...(status && { status, message: 'no' }),
  },
});

/**
 * A world per test file, and what tests of refreshes do in it. Calls wait for their refresh, however slow the machine.
 */
export function useRefreshWorld(overrides: ContextOptions = { refreshPatienceMs: 60 * SECOND }) {
  let world: World;
  let ahead = 0;
  /** The clock stands still during a test, so that a slow machine does not end a wait of a second. */
  let began = Date.now();
  let nextPortal = 3_000_000;

  beforeAll(async () => {
    world = await startWorld({ clock: { now: () => began + ahead }, ...overrides });
  });
  beforeEach(async () => {
    began = Date.now();
    // Longer than any wait of the test before.
    ahead += 2 * HOUR;
    await world.ctx.pool.query('delete from alarms');
    await world.ctx.pool.query('update installs set refresh_refused_since = null');
  });
  afterAll(() => world.close());

  async function installed({ secondsLeft }: { secondsLeft: number }): Promise<number> {
    nextPortal += 1;
    await addInstalls(world, { from: nextPortal, secondsLeft });
    return nextPortal;
  }

  return {
    get world(): World {
      return world;
    },

    advance(ms: number): void {
      ahead += ms;
    },

    installed,
    /** An install whose token expires soon. */
    stillValid: () => installed({ secondsLeft: 200 }),
    expired: () => installed({ secondsLeft: -1 }),

    failNext: (failure: Failure, times = 1) =>
      world.sandbox.control('failures', { method: 'POST', path: '/oauth/*/token', ...failure, times }),

    tokenFor: (portalId: number, ctx: Context = world.ctx) => ctx.services.tokens.accessTokenFor(portalId),

    stored: (portalId: number) => world.ctx.installs.tokenStore.find(world.ctx.pool, portalId),

    /** The number of token requests that HubSpot has received. */
    refreshRequests: async (): Promise<number> =>
      (await world.sandbox.read('requests?path=/oauth/*/token')).results.length,

    async row(portalId: number) {
      const found = await world.ctx.installs.store.find(world.ctx.pool, portalId);
      if (!found) throw new Error(`no row of portal ${portalId}`);
      return found;
    },

    /** Former state, new state and reason of each entry. */
    async history(portalId: number) {
      const rows = await world.ctx.services.installs.history(portalId);
      return rows.map(({ fromState, toState, reason }) => [fromState, toState, reason]);
    },

    alarms: () => world.ctx.services.alarms.list(),

    contact: async (portalId: number) =>
      world.apiRequest('GET', `/hubid/${portalId}/contact/no.one@example.com`),

    async uninstalledEvents(portalId: number): Promise<number> {
      const { rows } = await world.ctx.pool.query(
        `select count(*) from webhook_events where portal_id = $1 and event->>'subscriptionType' = 'app.uninstalled'`,
        [portalId],
      );
      return rows[0].count;
    },

    /** No install is due until an hour has passed. */
    async postponeRefreshes(): Promise<void> {
      await world.ctx.pool.query('update installs set refresh_due_at = $1 where refresh_due_at is not null', [
        new Date(world.ctx.clock.now() + HOUR),
      ]);
    },
  };
}
