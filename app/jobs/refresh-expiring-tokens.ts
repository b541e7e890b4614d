import type { Clock } from '../clock.ts';
import type { InstallsStore } from '../db/installs-store.ts';
import type { Pool } from '../db/pool.ts';
import type { Logger } from '../logger.ts';
import { REFRESH_MARGIN_MS, type TokenService } from '../services/token-service.ts';

/** The sweep runs each minute; it looks two minutes past the margin, so that no data call has to wait. */
export const SWEEP_AHEAD_MS = REFRESH_MARGIN_MS + 2 * 60 * 1000;

const PAGE = 200;
const AT_ONCE = 10;

interface Dependencies {
  pool: Pool;
  installs: InstallsStore;
  tokens: TokenService;
  clock: Clock;
  logger: Logger;
}

/** Refreshes every token that expires soon, page by page: memory does not grow with the number of installs. */
export async function refreshExpiringTokens({
  pool,
  installs,
  tokens,
  clock,
  logger,
}: Dependencies): Promise<void> {
  const before = new Date(clock.now() + SWEEP_AHEAD_MS);
  let refreshed = 0;
  let failed = 0;
  let after: { expiresAt: Date; portalId: number } | undefined;
  do {
    const page = await installs.expiringBefore(pool, before, after, PAGE);
    const waiting = page.values();
    const refreshNext = async () => {
      for (const { portalId } of waiting) {
        try {
          await tokens.refreshIfExpiring(portalId, before);
          refreshed += 1;
        } catch (error) {
          // One portal's trouble is its own; the token service has recorded it.
          failed += 1;
          logger.warn({ portalId, err: error }, 'a token was not refreshed');
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, refreshNext));
    after = page.length === PAGE ? page.at(-1) : undefined;
  } while (after);
  if (refreshed + failed > 0) logger.info({ refreshed, failed }, 'swept the tokens that expire soon');
}
