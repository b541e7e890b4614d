import type { Clock } from '../../base/clock.ts';

/** A token that another process replaced or revoked meanwhile is found out by HubSpot's 401, at the cost of a call. */
const KEPT_MS = 10_000;
const MOST = 2_000;

/** Access tokens just read from the database, so that a burst of calls for a portal reads and decrypts one once. */
export function createRecentTokens(clock: Clock, marginMs: number) {
  const tokens = new Map<number, { accessToken: string; until: number }>();

  return {
    get(portalId: number): string | undefined {
      const known = tokens.get(portalId);
      return known && known.until > clock.now() ? known.accessToken : undefined;
    },

    /** @param token.accessTokenExpiresAt null when it does not expire. */
    keep(portalId: number, token: { accessToken: string; accessTokenExpiresAt: Date | null }): void {
      if (tokens.size >= MOST) tokens.clear();
      const expiresAt = token.accessTokenExpiresAt?.getTime() ?? Infinity;
      const until = Math.min(clock.now() + KEPT_MS, expiresAt - marginMs);
      tokens.set(portalId, { accessToken: token.accessToken, until });
    },

    forget: (portalId: number) => tokens.delete(portalId),
  };
}
