import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Pool } from '../db/pool.ts';
import { type ApiKey, apiKeysStore } from './store.ts';

export type ApiKeyService = ReturnType<typeof createApiKeyService>;

const FORMAT = /^hk_([A-Za-z0-9]{12})_([A-Za-z0-9_-]{43})$/;

/**
 * The keys of this server's API: the bootstrap key of the settings, and keys created on the command line
 * (`hk_<id>_<secret>`). Keys are stored and compared as hashes, in constant time.
 */
export function createApiKeyService({ pool, bootstrapKey }: { pool: Pool; bootstrapKey: string }) {
  const bootstrap = hash(bootstrapKey);

  return {
    /** @returns the portal that the key is limited to, null for all; undefined for an invalid key. */
    async accept(key: string): Promise<{ portalId: number | null } | undefined> {
      if (timingSafeEqual(hash(key), bootstrap)) return { portalId: null };
      const [, id = '', secret = ''] = FORMAT.exec(key) ?? [];
      if (!id) return undefined;
      const known = await apiKeysStore.find(pool, id);
      if (!known || known.revokedAt || !timingSafeEqual(hash(secret), known.secretHash)) return undefined;
      await apiKeysStore.touch(pool, id);
      return { portalId: known.portalId };
    },

    /** Creates a key. It is returned only here; the database stores its hash. */
    async create(name: string, portalId: number | null): Promise<{ id: string; key: string }> {
      // Letters and digits only, so that `_` separates the parts of a key.
      const id = randomBytes(24)
        .toString('base64')
        .replace(/[^A-Za-z0-9]/g, '')
        .slice(0, 12)
        .padEnd(12, '0');
      const secret = randomBytes(32).toString('base64url');
      await apiKeysStore.add(pool, { id, name, portalId }, hash(secret));
      return { id, key: `hk_${id}_${secret}` };
    },

    list: (): Promise<ApiKey[]> => apiKeysStore.list(pool),

    revoke: (id: string): Promise<boolean> => apiKeysStore.revoke(pool, id),
  };
}

const hash = (text: string) => createHash('sha256').update(text).digest();
