import type { Clock } from '../clock.ts';
import { alarmsStore } from '../db/alarms-store.ts';
import type { DueInstall, InstallsStore } from '../db/installs-store.ts';
import type { Pool } from '../db/pool.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { APP_MISCONFIGURED, type TokenService } from '../services/token-service.ts';

const PAGE = 500;
const AT_ONCE = 20;

interface Dependencies {
  pool: Pool;
  installs: InstallsStore;
  tokens: Pick<TokenService, 'refreshIfDue'>;
  clock: Clock;
  logger: Logger;
}

/**
 * Refreshes every token that is due, page by page: memory does not grow with the number of installs. What is due
 * stands in the table, so a sweep that was cut short, or did not run while the server slept, is caught up by the
 * next one.
 */
export async function refreshExpiringTokens({
  pool,
  installs,
  tokens,
  clock,
  logger,
}: Dependencies): Promise<void> {
  const now = new Date(clock.now());
  let refreshed = 0;
  let failed = 0;
  let misconfigured = false;
  let after: DueInstall | undefined;
  do {
    const page = await installs.due(pool, now, after, PAGE);
    const waiting = page.values();
    await Promise.all(Array.from({ length: AT_ONCE }, () => refreshNext(waiting)));
    after = page.length === PAGE ? page.at(-1) : undefined;
    // A wrong client secret fails for every install alike; asking for each would only be noise at HubSpot.
  } while (after && !misconfigured);

  if (refreshed > 0 && !misconfigured) await alarmsStore.clear(pool, APP_MISCONFIGURED);
  if (refreshed + failed > 0) logger.info({ refreshed, failed }, 'swept the tokens that expire soon');

  async function refreshNext(waiting: Iterator<DueInstall> & Iterable<DueInstall>) {
    for (const { portalId } of waiting) {
      if (misconfigured) return;
      try {
        await tokens.refreshIfDue(portalId);
        refreshed += 1;
      } catch (error) {
        // One portal's trouble is its own; the token service has recorded it.
        failed += 1;
        misconfigured ||= error instanceof AppError && error.code === APP_MISCONFIGURED;
        logger.debug({ portalId, err: error }, 'a token was not refreshed');
      }
    }
  }
}
