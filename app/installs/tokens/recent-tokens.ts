import { LRUCache } from 'lru-cache';
import type { Clock } from '../../base/clock.ts';

/** When another process replaces or revokes a cached token, HubSpot's 401 reveals it at the cost of one call. */
const KEPT_MS = 10_000;
const MOST = 2_000;

/** Caches access tokens for some seconds, so that a burst of calls for a portal reads and decrypts one once. */
export function createRecentTokens(clock: Clock, marginMs: number) {
  const tokens = new LRUCache<number, string>({ max: MOST, ttlResolution: 0, perf: clock });

  return {
    get: (portalId: number): string | undefined => tokens.get(portalId),

    /** @param token.accessTokenExpiresAt null when it does not expire. */
    keep(portalId: number, token: { accessToken: string; accessTokenExpiresAt: Date | null }): void {
      const expiresAt = token.accessTokenExpiresAt?.getTime() ?? Infinity;
      // lru-cache returns an entry up to and including its last millisecond.
      const ttl = Math.ceil(Math.min(KEPT_MS, expiresAt - marginMs - clock.now())) - 1;
      if (ttl > 0) tokens.set(portalId, token.accessToken, { ttl });
      else tokens.delete(portalId);
    },

    forget: (portalId: number): boolean => tokens.delete(portalId),
  };
}
