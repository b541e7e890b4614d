import { alarmsStore } from '../db/alarms-store.ts';
import type { Db, Pool } from '../db/pool.ts';
import type { HubSpotError } from '../hubspot/errors.ts';
import type { PortalWatch } from '../hubspot/portal-send.ts';
import type { Logger } from '../logger.ts';

/** HubSpot answers from a data region that does not know the account. */
const WRONG_REGION = 'wrong_region:';
const PREFIXES = [WRONG_REGION];

/** An alarm that no call has raised again for so long is over, whichever process saw the call that succeeded. */
const OVER_MS = 20 * 60 * 1000;

/** What it is, and how an operator reads of it; undefined for what needs none. */
function alarmOf(portalId: number, error: HubSpotError): { name: string; message: string } | undefined {
  if (!error.wrongRegion) return undefined;
  const where = error.correctHublet ? `which is in ${error.correctHublet}` : 'and does not say where it is';
  const message =
    `HubSpot answers calls for portal ${portalId} from a data region that does not know it, ${where}. Such calls are ` +
    'retried; if it goes on for hours, tell HubSpot’s support.';
  return { name: WRONG_REGION + portalId, message };
}

/** Alarms about the calls of single portals; each ends with a call that succeeds, or when none fails any more. */
export function createPortalAlarms({ pool, logger }: { pool: Pool; logger: Logger }): PortalWatch & {
  settled(): Promise<void>;
} {
  /** Raised by this process. */
  const raised = new Map<number, Set<string>>();
  let written = Promise.resolve();

  return {
    failed(portalId, error) {
      const alarm = alarmOf(portalId, error);
      if (!alarm) return;
      raised.set(portalId, (raised.get(portalId) ?? new Set()).add(alarm.name));
      write(portalId, () => alarmsStore.raise(pool, alarm.name, alarm.message));
    },

    answered(portalId) {
      const names = raised.get(portalId);
      if (!names) return;
      raised.delete(portalId);
      for (const name of names) write(portalId, () => alarmsStore.clear(pool, name));
    },

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
