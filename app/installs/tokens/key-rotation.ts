import { decrypt, encrypt, type KeyRing } from '../../db/key-ring.ts';
import type { Pool } from '../../db/pool.ts';
import type { ClientSecrets } from './client-secrets.ts';
import { keyCanariesStore } from './key-canaries-store.ts';
import type { TokenStore } from './store.ts';

const CANARY = 'This text shows that the key of this name is the right one.';
const PAGE = 200;

/** Every pass after the first finds only rows that were written meanwhile. */
const MOST_PASSES = 10;

interface Rotation {
  /** The number of installs whose tokens were encrypted again. */
  readonly written: number;
  /** Portals whose tokens no key opens. */
  readonly unreadable: readonly number[];
  /** Ids of the keys that no stored value needs any more. */
  readonly retired: readonly string[];
}

/** TOKEN_KEYS does not open the stored tokens. The message names key ids only. */
export class KeyRingError extends Error {
  override readonly name = 'KeyRingError';
}

export type KeyService = ReturnType<typeof createKeyService>;

interface Dependencies {
  pool: Pool;
  tokenStore: TokenStore;
  clientSecrets: Pick<ClientSecrets, 'reseal'>;
  ring: KeyRing;
}

/** Checks and rotates the encryption keys of TOKEN_KEYS. */
export function createKeyService({ pool, tokenStore, clientSecrets, ring }: Dependencies) {
  return {
    /**
     * Checks that TOKEN_KEYS holds every key in use, and writes nothing.
     * @throws {KeyRingError} naming the key id.
     */
    prove: checkCanaries,

    /**
     * Checks that TOKEN_KEYS holds every key in use, and records its newest key.
     * @throws {KeyRingError} naming the key id that is missing or belongs to another key.
     */
    async check(): Promise<void> {
      await checkCanaries();
      // Only the newest key: listing a retired key must not put it back into use.
      const newest = ring[0]?.id ?? '';
      await keyCanariesStore.addIfNew(pool, newest, encrypt(ring, CANARY, boundTo(newest)));
      // Another process may have recorded another key under this name first.
      await checkCanaries();
    },

    /**
     * The same, and that no stored token needs a key that is not in the list: a process with former settings may have
     * used a key after it was retired. Reads every install.
     * @throws {KeyRingError} naming the key ids.
     */
    async checkAtStart(): Promise<void> {
      await this.check();
      const missing = [...(await tokenStore.keyUse(pool))].filter(([id]) => keyOf(id).length === 0);
      if (missing.length === 0) return;
      const needed = missing.map(([id, count]) => `"${id}" (installs: ${count})`).join(', ');
      throw new KeyRingError(
        `TOKEN_KEYS lacks what stored tokens were encrypted with: ${needed}. Put it back, behind the newest, and run ` +
          '`npm run hubspot -- keys rotate` before you take it out. Nothing was changed.',
      );
    },

    /** The number of installs that need each key, by key id. */
    use: () => tokenStore.keyUse(pool),

    /**
     * Encrypts every stored token with the newest key while the server runs. It can be stopped and started again at any
     * time. Afterwards the older keys are no longer needed, unless an install's tokens did not open.
     * @throws {KeyRingError} when another process still writes with an older key.
     */
    async rotate(onProgress: (written: number) => void): Promise<Rotation> {
      let written = 0;
      let unreadable: number[] = [];
      for (let pass = 1, left = true; left; pass += 1) {
        if (pass > MOST_PASSES) throw stillWritten(await tokenStore.keyUse(pool));
        left = false;
        unreadable = [];
        for (let after = 0; ; ) {
          const page = await tokenStore.reseal(pool, after, PAGE);
          if (!page) break;
          after = page.last;
          written += page.written;
          unreadable.push(...page.unreadable);
          onProgress(written);
        }
        // A refresh of another process may have written with an older key meanwhile.
        left = (await tokenStore.countToReseal(pool)) > unreadable.length;
      }
      await clientSecrets.reseal(pool);
      if (unreadable.length > 0) return { written, unreadable, retired: [] };
      const older = ring.slice(1).map(({ id }) => id);
      await keyCanariesStore.retire(pool, older);
      return { written, unreadable, retired: older };
    },

    /** The number of installs with a value that is encrypted with another key than the newest. */
    toRotate: () => tokenStore.countToReseal(pool),
  };

  function stillWritten(use: Map<string, number>): KeyRingError {
    use.delete(ring[0]?.id ?? '');
    return new KeyRingError(
      `Another process still writes with an older key (${[...use.keys()].join(', ')}): give every process the same ` +
        'TOKEN_KEYS and restart it, then run this again. What was encrypted again stays so; no key was retired.',
    );
  }

  async function checkCanaries(): Promise<void> {
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
