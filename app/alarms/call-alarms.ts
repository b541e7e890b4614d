import type { Logger } from '../base/logger.ts';
import type { Db, Pool } from '../db/pool.ts';
import type { HubSpotError } from '../hubspot/client/errors.ts';
import type { PortalWatch } from '../hubspot/client/portal-send.ts';
import { limitWait } from '../hubspot/client/retry.ts';
import { alarmsStore } from './store.ts';

/** HubSpot answers from a data region that does not know the account. */
const WRONG_REGION = 'wrong_region:';
/** HubSpot accepts no more calls of the account before midnight in its time zone. */
const DAILY_LIMIT = 'daily_limit:';
const PREFIXES = [WRONG_REGION, DAILY_LIMIT];

/**
 * An alarm that no call has raised for this long is over, whichever process made the call that succeeded. Longer than
 * the 15 minutes after which a call is retried under the daily limit.
 */
const STALE_MS = 20 * 60 * 1000;

/** The alarm that a failed call raises; undefined for errors that need no operator. */
function alarmOf(portalId: number, error: HubSpotError): { name: string; message: string } | undefined {
  if (error.wrongRegion) {
    const where = error.correctHublet ? `which is in ${error.correctHublet}` : 'and does not say where it is';
    const message =
      `HubSpot answers calls for portal ${portalId} from a data region that does not know it, ${where}. Such calls ` +
      'are retried; if it persists for hours, contact HubSpot’s support.';
    return { name: WRONG_REGION + portalId, message };
  }
  if (error.dailyLimit && error.status === 429) {
    const nextTry = new Date(Date.now() + (limitWait(error) ?? 0)).toISOString();
    const message =
      `The daily limit of HubSpot calls of portal ${portalId} is used up; it resets at midnight in the account’s ` +
      `time zone. Calls are refused until the next try, at ${nextTry}; what was accepted is kept.`;
    return { name: DAILY_LIMIT + portalId, message };
  }
  return undefined;
}

export type CallAlarms = ReturnType<typeof createCallAlarms>;

/**
 * Alarms about the API calls of single portals. They are stored because no other table shows them: workers make most
 * calls, and the web process reports them. A successful call clears them.
 */
export function createCallAlarms({ pool, logger }: { pool: Pool; logger: Logger }) {
  /** When this process raised each alarm, by `performance.now()`. */
  const raised = new Map<string, number>();
  let written = Promise.resolve();

  const watch: PortalWatch = {
    failed(portalId, error) {
      const alarm = alarmOf(portalId, error);
      if (!alarm) return;
      raised.set(alarm.name, performance.now());
      write(portalId, () => alarmsStore.raise(pool, alarm.name, alarm.message));
    },

    // A call that began before the alarm was raised does not prove that the problem is over.
    answered(portalId, since) {
      if (raised.size === 0) return;
      for (const name of PREFIXES.map((prefix) => prefix + portalId)) {
        if ((raised.get(name) ?? Infinity) > since) continue;
        raised.delete(name);
        write(portalId, () => alarmsStore.clear(pool, name));
      }
    },

    async hasDailyLimit(portalId) {
      await written;
      const alarm = await alarmsStore.find(pool, DAILY_LIMIT + portalId).catch(() => undefined);
      return alarm !== undefined;
    },
  };

  return {
    ...watch,

    /** Resolves when every alarm is written. */
    settled: () => written,
  };

  /** Calls do not wait for the write. Writes keep their order, so that a cleared alarm is not raised again. */
  function write(portalId: number, change: () => Promise<void>): void {
    written = written
      .then(change)
      .catch((err) =>
        logger.warn({ portalId, err }, 'failed to write an alarm; the next call writes it again'),
      );
  }
}

export async function clearOldCallAlarms(db: Db, now: number): Promise<void> {
  // A process of a release before migration 0019 may have stored the last one, while both ran.
  for (const prefix of [...PREFIXES, 'refresh_refused:'])
    await alarmsStore.clearUnseenSince(db, prefix, new Date(now - STALE_MS));
}
