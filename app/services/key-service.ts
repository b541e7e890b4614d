import type { ClientSecretsStore } from '../db/client-secrets-store.ts';
import type { InstallsStore } from '../db/installs-store.ts';
import { keyCanariesStore } from '../db/key-canaries-store.ts';
import { decrypt, encrypt, type KeyRing } from '../db/key-ring.ts';
import type { Pool } from '../db/pool.ts';

const CANARY = 'This text shows that the key of this name is the right one.';
const PAGE = 200;

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

    use: () => installs.keyUse(pool),

    /**
     * Encrypts every stored token with the newest key, while the server works. Can be stopped at any time and begun
     * again. Afterwards the older keys are no longer needed.
     */
    async rotate(onProgress: (written: number) => void): Promise<{ written: number; retired: string[] }> {
      let written = 0;
      // A row that a refresh changed meanwhile carries whatever key that process writes with: look once more.
      for (let left = true; left; ) {
        left = false;
        for (let after = 0; ; ) {
          const page = await installs.reseal(pool, after, PAGE);
          if (!page) break;
          left = true;
          after = page.last;
          written += page.written;
          onProgress(written);
        }
      }
      await clientSecrets.reseal(pool);
      const older = ring.slice(1).map(({ id }) => id);
      await keyCanariesStore.retire(pool, older);
      return { written, retired: older };
    },

    /** How many installs still hold a value under another key than the newest. */
    async toRotate(): Promise<number> {
      const use = await installs.keyUse(pool);
      use.delete(ring[0]?.id ?? '');
      return [...use.values()].reduce((sum, count) => sum + count, 0);
    },
  };

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
