import { clearOldPortalAlarms } from '../../alarms/portal-alarms.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Pool } from '../../db/pool.ts';
import { HubSpotError } from '../../hubspot/client/errors.ts';
import { enqueue } from '../../queue/enqueue.ts';
import { APP_MISCONFIGURED, clearIfRefreshedSince, clearRefreshRefusedNoMore } from '../alarms.ts';
import type { DueInstall, InstallsStore } from '../store.ts';
import type { TokenService } from './service.ts';

const PAGE = 500;
const AT_ONCE = 20;
/** Far less than the 25 seconds of a worker that is told to stop. */
const LONGEST_MS = 15_000;
/** After a rate limit, whatever it asks for. */
const LONGEST_PAUSE_S = 60;

interface Dependencies {
  pool: Pool;
  installs: InstallsStore;
  tokens: Pick<TokenService, 'refreshIfDue'>;
  clock: Clock;
  logger: Logger;
  /** True when the worker is about to end. */
  stopping: () => boolean;
  /** After which what is left goes on in a job of its own. */
  longestMs?: number;
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
  stopping,
  longestMs = LONGEST_MS,
}: Dependencies): Promise<void> {
  const now = new Date(clock.now());
  const stopAt = performance.now() + longestMs;
  let refreshed = 0;
  let failed = 0;
  /** A wrong client secret fails for every install alike; to ask for each is only noise. */
  let misconfigured = false;
  /** When to go on: HubSpot's limit was met, this job has run for long enough, or its worker ends. */
  let goOnAt: Date | undefined;
  let after: DueInstall | undefined;
  do {
    const page = await installs.due(pool, now, after, PAGE);
    const waiting = page.values();
    await Promise.all(Array.from({ length: AT_ONCE }, () => refreshNext(waiting)));
    after = page.length === PAGE ? page.at(-1) : undefined;
  } while (after && !misconfigured && !goOnAt);

  if (!misconfigured) await clearIfRefreshedSince(pool);
  await clearRefreshRefusedNoMore(pool);
  await clearOldPortalAlarms(pool, clock.now());
  if (refreshed + failed > 0) logger.info({ refreshed, failed }, 'swept the tokens that expire soon');
  if (goOnAt && !misconfigured) {
    const name = 'refresh-expiring-tokens';
    await enqueue(pool, name, {}, { jobKey: name, runAt: goOnAt });
  }

  async function refreshNext(waiting: Iterator<DueInstall> & Iterable<DueInstall>) {
    for (const { portalId } of waiting) {
      if (stopping() || performance.now() > stopAt) goOnAt ??= new Date();
      if (misconfigured || goOnAt) return;
      try {
        if (await tokens.refreshIfDue(portalId)) refreshed += 1;
      } catch (error) {
        failed += 1;
        misconfigured ||= error instanceof AppError && error.code === APP_MISCONFIGURED;
        goOnAt ??= afterRateLimit(error);
        // One portal's trouble is its own. The token service has noted what it knows of; the rest is news.
        if (!(error instanceof AppError)) logger.error({ portalId, err: error }, 'a token was not refreshed');
      }
    }
  }
}

/**
 * A 429 at the token endpoint is about the app, not about one portal: the others wait too, but not for so long that
 * their tokens would run out.
 */
function afterRateLimit(error: unknown): Date | undefined {
  if (!(error instanceof AppError) || !(error.cause instanceof HubSpotError)) return undefined;
  if (error.cause.status !== 429) return undefined;
  return new Date(Date.now() + Math.min(error.retryAfter ?? 1, LONGEST_PAUSE_S) * 1000);
}
