import type { Db } from '../db/pool.ts';
import type { NewInstall } from './install.ts';
import type { InstallsStore } from './store.ts';

/** Stores the event that an install began or ended, in the transaction that changes the install. */
export type PublishLifecycle = (
  tx: Db,
  type: 'app.installed' | 'app.uninstalled',
  portalId: number,
  installId: number,
  now: number,
) => Promise<void>;

export type Lifecycle = ReturnType<typeof createLifecycle>;

type End = InstallsStore['end'];

interface Dependencies {
  store: InstallsStore;
  publish: PublishLifecycle;
}

/** The beginning and the end of installs. Each is published once, in the transaction `tx`. */
export function createLifecycle({ store, publish }: Dependencies) {
  return {
    async begin(tx: Db, install: NewInstall, now: number): Promise<void> {
      const { installId, begun } = await store.save(tx, install);
      if (begun) await publish(tx, 'app.installed', install.portalId, installId, now);
    },

    /**
     * Ends an install and deletes its tokens.
     * @param end.seen what the caller has read; an install with another id, or with newer tokens, is not ended.
     * @returns false when there was nothing to end.
     */
    async end(
      tx: Db,
      portalId: number,
      end: { seen: Parameters<End>[2]; state: Parameters<End>[3]; reason: string; now: number },
    ): Promise<boolean> {
      const installId = await store.end(tx, portalId, end.seen, end.state, end.reason);
      if (installId === undefined) return false;
      await publish(tx, 'app.uninstalled', portalId, installId, end.now);
      return true;
    },
  };
}
