import { alarmsStore } from '../../alarms/index.ts';
import type { Db } from '../../db/pool.ts';

const PREFIX = 'signature_version_refused:';

/** HubSpot signs in a version that a setting does not accept: its requests are refused until an operator decides. */
export function raiseSignatureVersion(db: Db, setting: string, finding: string): Promise<void> {
  return alarmsStore.raise(db, PREFIX + setting, `Requests that HubSpot signed are refused. ${finding}`);
}

/** Clears those that were last seen before `before`. */
export const clearOldSignatureAlarms = (db: Db, before: Date): Promise<void> =>
  alarmsStore.clearUnseenSince(db, PREFIX, before);
