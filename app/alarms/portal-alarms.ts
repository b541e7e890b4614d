import type { Logger } from '../base/logger.ts';
import type { Db, Pool } from '../db/pool.ts';
import type { HubSpotError } from '../hubspot/client/errors.ts';
import type { PortalWatch } from '../hubspot/client/portal-send.ts';
import { limitWait } from '../hubspot/client/retry.ts';
import { type Alarm, alarmsStore } from './store.ts';

/** HubSpot answers from a data region that does not know the account. */
const WRONG_REGION = 'wrong_region:';
/** HubSpot takes no more calls of the account before its midnight. */
const DAILY_LIMIT = 'daily_limit:';
const PREFIXES = [WRONG_REGION, DAILY_LIMIT];

/**
 * An alarm that no call has raised again for so long is over, whichever process saw the call that succeeded. Longer
 * than the quarter of an hour after which a call is sent again under the limit of the day.
 */
const OVER_MS = 20 * 60 * 1000;

/** What it is, and how an operator reads of it; undefined for what needs none. */
function alarmOf(portalId: number, error: HubSpotError): { name: string; message: string } | undefined {
  if (error.wrongRegion) {
    const where = error.correctHublet ? `which is in ${error.correctHublet}` : 'and does not say where it is';
    const message =
      `HubSpot answers calls for portal ${portalId} from a data region that does not know it, ${where}. Such calls ` +
      'are retried; if it goes on for hours, tell HubSpot’s support.';
    return { name: WRONG_REGION + portalId, message };
  }
  if (error.dailyLimit && error.status === 429) {
    const nextTry = new Date(Date.now() + (limitWait(error) ?? 0)).toISOString();
    const message =
      `The daily limit of HubSpot calls of portal ${portalId} is used up; it begins anew at midnight in the account’s ` +
      `time zone. Calls are refused until the next try, at ${nextTry}; what was accepted is kept.`;
    return { name: DAILY_LIMIT + portalId, message };
  }
  return undefined;
}

export type PortalAlarms = ReturnType<typeof createPortalAlarms>;

/** Alarms about the calls of single portals; each ends with a call that succeeds, or when none fails any more. */
export function createPortalAlarms({ pool, logger }: { pool: Pool; logger: Logger }) {
  /** When this process raised which, by `performance.now()`. */
  const raised = new Map<string, number>();
  let written = Promise.resolve();

  const watch: PortalWatch = {
    failed(portalId, error) {
      const alarm = alarmOf(portalId, error);
      if (!alarm) return;
      raised.set(alarm.name, performance.now());
      write(portalId, () => alarmsStore.raise(pool, alarm.name, alarm.message));
    },

    // A call that was under way when another failed says nothing of what came after.
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
      return alarmsStore.isRaised(pool, DAILY_LIMIT + portalId).catch(() => false);
    },
  };

  return {
    ...watch,

    /** Every alarm about one portal, also of its refreshes. */
    of: (portalId: number): Promise<Alarm[]> => alarmsStore.endingWith(pool, `:${portalId}`),

    /** Once nothing more is to be written. */
    settled: () => written,
  };

  /** Calls do not wait for it. In order, so that what is over is not raised after it was cleared. */
  function write(portalId: number, change: () => Promise<void>): void {
    written = written
      .then(change)
      .catch((err) =>
        logger.warn({ portalId, err }, 'an alarm could not be written; the next call tries again'),
      );
  }
}

export async function clearOldPortalAlarms(db: Db, now: number): Promise<void> {
  for (const prefix of PREFIXES) await alarmsStore.clearUnseenSince(db, prefix, new Date(now - OVER_MS));
}
