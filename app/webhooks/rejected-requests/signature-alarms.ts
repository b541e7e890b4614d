import { alarmsStore } from '../../alarms/index.ts';
import type { Db } from '../../db/pool.ts';

const PREFIX = 'signature_version_refused:';

/** HubSpot uses a signature version that a setting does not accept; its requests are rejected until that is changed. */
export function raiseSignatureVersion(db: Db, setting: string, finding: string): Promise<void> {
  return alarmsStore.raise(db, PREFIX + setting, `Requests that HubSpot signed are rejected. ${finding}`);
}

/** Clears the alarms that were last raised before `before`. */
export const clearOldSignatureAlarms = (db: Db, before: Date): Promise<void> =>
  alarmsStore.clearUnseenSince(db, PREFIX, before);
