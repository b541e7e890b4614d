import { clearOldCallAlarms } from '../../alarms/index.ts';
import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Pool } from '../../db/pool.ts';
import { HubSpotError } from '../../hubspot/client/errors.ts';
import { enqueue } from '../../queue/enqueue.ts';
import { APP_MISCONFIGURED, clearAppMisconfiguredIfRefreshed } from '../alarms.ts';
import { installJobs } from '../jobs.ts';
import type { DueInstall, InstallsStore } from '../store.ts';
import type { TokenService } from './service.ts';

const PAGE = 500;
const CONCURRENCY = 20;
/** Well below the 25 seconds within which a worker has to stop. */
const LONGEST_MS = 15_000;
/** The longest pause after a rate limit, whatever `Retry-After` says. */
const LONGEST_PAUSE_S = 60;

const JOB = installJobs.refreshExpiringTokens;

interface Dependencies {
  pool: Pool;
  store: Pick<InstallsStore, 'due'>;
  tokens: Pick<TokenService, 'refreshIfDue'>;
  clock: Clock;
  logger: Logger;
}

export interface SweepOptions {
  /** True when the worker is about to stop. */
  readonly stopping: () => boolean;
  /** After this time another job continues. */
  readonly longestMs?: number;
}

/**
 * Refreshes every token that is due, page by page, so that memory does not grow with the number of installs. The due
 * times are in the table, so the next sweep continues one that was interrupted or did not run.
 */
export async function refreshExpiringTokens(
  { pool, store, tokens, clock, logger }: Dependencies,
  { stopping, longestMs = LONGEST_MS }: SweepOptions,
): Promise<void> {
  const now = new Date(clock.now());
  const stopAt = performance.now() + longestMs;
  let refreshed = 0;
  let failed = 0;
  /** Every refresh would fail alike, so the sweep ends. */
  let misconfigured = false;
  /** When another job continues: after a rate limit, or because this job ran long enough or its worker stops. */
  let continueAt: Date | undefined;
  let after: DueInstall | undefined;
  do {
    const page = await store.due(pool, now, after, PAGE);
    const waiting = page.values();
    await Promise.all(Array.from({ length: CONCURRENCY }, () => refreshNext(waiting)));
    after = page.length === PAGE ? page.at(-1) : undefined;
  } while (after && !misconfigured && !continueAt);

  if (!misconfigured) await clearAppMisconfiguredIfRefreshed(pool);
  await clearOldCallAlarms(pool, clock.now());
  if (refreshed + failed > 0) logger.info({ refreshed, failed }, 'swept the tokens that expire soon');
  if (continueAt && !misconfigured) {
    await enqueue(pool, JOB, {}, { jobKey: JOB.name, runAt: continueAt });
  }

  async function refreshNext(waiting: Iterator<DueInstall> & Iterable<DueInstall>) {
    for (const { portalId } of waiting) {
      if (stopping() || performance.now() > stopAt) continueAt ??= new Date();
      if (misconfigured || continueAt) return;
      try {
        if (await tokens.refreshIfDue(portalId)) refreshed += 1;
      } catch (error) {
        failed += 1;
        misconfigured ||= error instanceof AppError && error.code === APP_MISCONFIGURED;
        continueAt ??= afterRateLimit(error);
        // A failure of one portal does not end the sweep. The token service has logged every AppError.
        if (!(error instanceof AppError)) logger.error({ portalId, err: error }, 'a token was not refreshed');
      }
    }
  }
}

/**
 * A 429 at the token endpoint concerns the whole app, so all portals pause, but not for so long that their tokens
 * expire.
 */
function afterRateLimit(error: unknown): Date | undefined {
  if (!(error instanceof AppError) || !(error.cause instanceof HubSpotError)) return undefined;
  if (error.cause.status !== 429) return undefined;
  return new Date(Date.now() + Math.min(error.retryAfter ?? 1, LONGEST_PAUSE_S) * 1000);
}
