import type { Clock } from '../base/clock.ts';
import type { Db, Pool } from '../db/pool.ts';
import { hashBrowser } from './browser-cookie.ts';
import { installFailed } from './errors.ts';
import { createState, hashState, openState, STATE_LIFETIME_MS, sealState } from './oauth-state.ts';
import { oauthStatesStore, type StoredState } from './states-store.ts';

/** A valid state that came back, and what is stored about it. */
export interface TakenState {
  readonly hash: Buffer;
  readonly expiresAt: Date;
  readonly stored: StoredState | undefined;
}

export type States = ReturnType<typeof createStates>;

interface Dependencies {
  pool: Pool;
  clock: Clock;
  sessionSecret: string;
}

/** The one-time states of installs: issues them, and checks them when they come back. */
export function createStates({ pool, clock, sessionSecret }: Dependencies) {
  const newExpiry = () => clock.now() + STATE_LIFETIME_MS;

  return {
    /** A state of our own flow. It is sealed, so nothing is stored until its install is finished. */
    issueOwn: (): string => sealState(sessionSecret, newExpiry()),

    /** A stored state for the user who signed in, in this browser. */
    async issuePartner(user: string, browser: string): Promise<string> {
      const state = createState();
      const partner = { user, browserHash: hashBrowser(browser) };
      await oauthStatesStore.addPartner(pool, hashState(state), new Date(newExpiry()), partner);
      return state;
    },

    takeOwn,

    takePartner,

    /** Checks the state of either flow. @throws {AppError} state_unknown, state_used, state_expired. */
    take: (state: string, browser: string | undefined): Promise<TakenState> =>
      openState(state, sessionSecret) === undefined ? takePartner(state, browser) : takeOwn(state),

    /** Marks the state as used in the transaction that stores its install. @throws {AppError} state_used. */
    async use(tx: Db, { hash, expiresAt }: TakenState): Promise<void> {
      if (!(await oauthStatesStore.use(tx, hash, expiresAt, new Date(clock.now()))))
        throw installFailed('state_used');
    },
  };

  async function takeOwn(state: string): Promise<TakenState> {
    const expiry = openState(state, sessionSecret);
    if (expiry === undefined) throw installFailed('state_unknown');
    const hash = hashState(state);
    const stored = await oauthStatesStore.find(pool, hash);
    return requireValid({ hash, stored, expiresAt: new Date(expiry) });
  }

  /** In another browser the state is unknown, and stays unused. */
  async function takePartner(state: string, browser: string | undefined): Promise<TakenState> {
    const hash = hashState(state);
    const stored = await oauthStatesStore.find(pool, hash);
    const isSameBrowser = browser !== undefined && stored?.browserHash?.equals(hashBrowser(browser));
    if (!stored || !isSameBrowser) throw installFailed('state_unknown');
    return requireValid({ hash, stored, expiresAt: stored.expiresAt });
  }

  function requireValid(state: TakenState): TakenState {
    if (state.stored?.isUsed) throw installFailed('state_used');
    if (state.expiresAt.getTime() <= clock.now()) throw installFailed('state_expired');
    return state;
  }
}
