import { installNotFound, needsReconnect } from '../base/errors.ts';
import type { Pool } from '../db/pool.ts';
import { LOCKS, type SessionLocks } from '../db/session-locks.ts';
import { type AccessTokenDependencies, createAccessTokenInstall } from './access-token-install.ts';
import { createDisconnect, type DisconnectDependencies, type Disconnected } from './disconnect.ts';
import { type HistoryEntry, historyStore } from './history-store.ts';
import type { Install, InstallState } from './install.ts';
import type { AppSettings } from './settings.ts';
import type { InstallsStore } from './store.ts';

export type InstallService = ReturnType<typeof createInstallService>;

/** An install as its users see it: what it may do, and whether it needs attention. */
export interface InstallStatus extends Install {
  /** True while some process refreshes the token. */
  readonly refreshing: boolean;
  /** Required scopes that this install was not granted: the customer has to consent again. */
  readonly missingScopes: readonly string[];
  /** Where the customer consents again; null for an account that is connected with an operator's access token. */
  readonly reconnectUrl: string | null;
  has(scope: string): boolean;
}

interface Dependencies extends AccessTokenDependencies, DisconnectDependencies {
  app: Pick<AppSettings, 'appId' | 'authorizeUrl' | 'scopes'>;
  serverUrl: string;
  pool: Pool;
  locks: SessionLocks;
  store: InstallsStore;
}

/** Scopes that an account's own access token cannot have. */
const SCOPES_OF_OAUTH_APPS = ['oauth', 'timeline'];

export function createInstallService(dependencies: Dependencies) {
  const { app, serverUrl, pool, locks, store } = dependencies;
  const disconnect = createDisconnect(dependencies);

  return {
    /** Connects an account with an access token of its own; see {@link createAccessTokenInstall}. */
    addAccessToken: createAccessTokenInstall(dependencies),

    find,

    status,

    async list(after: number, limit: number, state?: InstallState): Promise<InstallStatus[]> {
      const page = await store.list(pool, after, limit, state);
      const names = page.map(({ portalId }) => String(portalId));
      const refreshing = await locks.heldOf(pool, LOCKS.tokenRefresh, names);
      return page.map((install) => describe(install, refreshing.has(String(install.portalId))));
    },

    history: (portalId: number): Promise<HistoryEntry[]> => historyStore.list(pool, portalId),

    /** @throws {AppError} install_not_found, install_needs_reconnect unless the portal's install holds tokens. */
    async requireConnected(portalId: number): Promise<void> {
      const install = await store.find(pool, portalId);
      if (!install || install.state === 'uninstalled') throw installNotFound(portalId);
      if (install.state === 'needs_reconnect') throw needsReconnect(portalId, install.kind);
    },

    /** Those of the given portals whose install holds tokens. */
    connected: (portalIds: readonly number[]): Promise<number[]> => store.connected(pool, portalIds),

    /**
     * Uninstalls the app at HubSpot, and revokes and deletes the tokens; see {@link createDisconnect}.
     * @throws {AppError} install_not_found, and what that throws.
     */
    disconnect: async (portalId: number, { local = false } = {}): Promise<Disconnected> =>
      disconnect(await status(portalId), { local }),

    /** The portal's page at HubSpot. */
    portalUrl: (portalId: number) => `${new URL(app.authorizeUrl).origin}/contacts/${portalId}`,
  };

  async function find(portalId: number): Promise<InstallStatus | undefined> {
    const install = await store.find(pool, portalId);
    return install && describe(install, await locks.isHeld(pool, LOCKS.tokenRefresh, String(portalId)));
  }

  /** @throws {AppError} install_not_found. */
  async function status(portalId: number): Promise<InstallStatus> {
    const install = await find(portalId);
    if (!install) throw installNotFound(portalId);
    return install;
  }

  function describe(install: Install, refreshing: boolean): InstallStatus {
    const isOAuth = install.kind === 'oauth';
    const has = (scope: string) => install.scopes.includes(scope);
    const lacks = (scope: string) => !has(scope) && (isOAuth || !SCOPES_OF_OAUTH_APPS.includes(scope));
    return {
      ...install,
      refreshing,
      has,
      missingScopes: app.scopes.filter(lacks),
      reconnectUrl: isOAuth ? `${serverUrl}/install?portalId=${install.portalId}` : null,
    };
  }
}
