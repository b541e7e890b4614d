import { decrypt, encrypt, type KeyRing } from '../../db/key-ring.ts';
import type { Pool } from '../../db/pool.ts';
import type { InstallsStore } from '../store.ts';
import type { ClientSecretsStore } from './client-secrets-store.ts';
import { keyCanariesStore } from './key-canaries-store.ts';

export { isKeyId } from '../../db/key-ring.ts';

const CANARY = 'This text shows that the key of this name is the right one.';
const PAGE = 200;

/** After the first, a pass finds only what was written meanwhile. */
const MOST_PASSES = 10;

/** Installs written again, installs whose tokens no key opens, and the keys that nothing needs any more. */
interface Rotation {
  readonly written: number;
  readonly unreadable: readonly number[];
  readonly retired: readonly string[];
}

/** TOKEN_KEYS does not open what the database holds. Names key ids only. */
export class KeyRingError extends Error {
  override readonly name = 'KeyRingError';
}

export type KeyService = ReturnType<typeof createKeyService>;

export function createKeyService({
  pool,
  installs,
  clientSecrets,
  ring,
}: {
  pool: Pool;
  installs: InstallsStore;
  clientSecrets: ClientSecretsStore;
  ring: KeyRing;
}) {
  return {
    /**
     * Proves that TOKEN_KEYS opens everything that was stored, and writes nothing.
     * @throws {KeyRingError} naming the key id.
     */
    prove: proveCanaries,

    /**
     * Proves that TOKEN_KEYS opens everything that was stored, before the first request does.
     * @throws {KeyRingError} naming the key id that is missing or is another key under the same id.
     */
    async check(): Promise<void> {
      await proveCanaries();
      // Only the key that writes: an older one that nothing uses any more must not come back by being listed.
      const newest = ring[0]?.id ?? '';
      await keyCanariesStore.addIfNew(pool, newest, encrypt(ring, CANARY, boundTo(newest)));
      // Another process may have been first, with another key under this name.
      await proveCanaries();
    },

    /**
     * The same at start, and that no stored token needs a key that is not in the list: a process with former settings
     * may have written under one after it was retired. Reads every install.
     * @throws {KeyRingError} naming the key ids.
     */
    async checkAtStart(): Promise<void> {
      await this.check();
      const missing = [...(await installs.keyUse(pool))].filter(([id]) => keyOf(id).length === 0);
      if (missing.length === 0) return;
      const needed = missing.map(([id, count]) => `"${id}" (installs: ${count})`).join(', ');
      throw new KeyRingError(
        `TOKEN_KEYS lacks what stored tokens were encrypted with: ${needed}. Put it back, behind the newest, and run ` +
          '`npm run hubspot -- keys rotate` before you take it out. Nothing was changed.',
      );
    },

    use: () => installs.keyUse(pool),

    /**
     * Encrypts every stored token with the newest key, while the server works. Can be stopped at any time and begun
     * again. Afterwards the older keys are no longer needed, unless an install's tokens did not open.
     * @throws {KeyRingError} when another process goes on writing with an older key.
     */
    async rotate(onProgress: (written: number) => void): Promise<Rotation> {
      let written = 0;
      let unreadable: number[] = [];
      for (let pass = 1, left = true; left; pass += 1) {
        if (pass > MOST_PASSES) throw stillWritten(await installs.keyUse(pool));
        left = false;
        unreadable = [];
        for (let after = 0; ; ) {
          const page = await installs.reseal(pool, after, PAGE);
          if (!page) break;
          after = page.last;
          written += page.written;
          unreadable.push(...page.unreadable);
          onProgress(written);
        }
        // A row that a refresh changed meanwhile carries whatever key that process writes with: look once more.
        left = (await installs.countToReseal(pool)) > unreadable.length;
      }
      await clientSecrets.reseal(pool);
      if (unreadable.length > 0) return { written, unreadable, retired: [] };
      const older = ring.slice(1).map(({ id }) => id);
      await keyCanariesStore.retire(pool, older);
      return { written, unreadable, retired: older };
    },

    /** How many installs still hold a value under another key than the newest. */
    toRotate: () => installs.countToReseal(pool),
  };

  function stillWritten(use: Map<string, number>): KeyRingError {
    use.delete(ring[0]?.id ?? '');
    return new KeyRingError(
      `Another process still writes with an older key (${[...use.keys()].join(', ')}): give every process the same ` +
        'TOKEN_KEYS and restart it, then run this again. What was encrypted again stays so; no key was retired.',
    );
  }

  async function proveCanaries(): Promise<void> {
    for (const { keyId, value } of await keyCanariesStore.list(pool)) {
      const [key] = keyOf(keyId);
      if (!key) {
        throw new KeyRingError(
          `TOKEN_KEYS has no key "${keyId}", which stored tokens may need. Put it back, or run ` +
            '`npm run hubspot -- keys rotate` with it in the list before you take it out. Nothing was changed.',
        );
      }
      try {
        decrypt([key], value, boundTo(keyId));
      } catch {
        throw new KeyRingError(
          `The key "${keyId}" in TOKEN_KEYS is not the key that stored tokens were encrypted with under this name. ` +
            'Put the right one back; a new key needs a new name. Nothing was changed.',
        );
      }
    }
  }

  function keyOf(id: string): KeyRing {
    return ring.filter((entry) => entry.id === id);
  }
}

const boundTo = (keyId: string) => `key_canaries/${keyId}`;
