import { createHash, timingSafeEqual } from 'node:crypto';

export type ApiKeyService = ReturnType<typeof createApiKeyService>;

/** Who may call the vendor's routes. Keys are compared as hashes, in constant time. */
export function createApiKeyService({ bootstrapKey }: { bootstrapKey: string }) {
  const bootstrap = hash(bootstrapKey);
  return {
    accepts: (key: string): boolean => timingSafeEqual(hash(key), bootstrap),
  };
}

const hash = (key: string) => createHash('sha256').update(key).digest();
