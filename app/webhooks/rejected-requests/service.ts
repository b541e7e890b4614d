import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Pool } from '../../db/pool.ts';
import {
  diagnose,
  isVersionSetting,
  type RejectedRequest,
  withoutQuery,
} from '../../http/signature/explain/diagnose.ts';
import type { ClientSecrets } from '../../installs/index.ts';
import { raiseSignatureVersion } from './signature-alarms.ts';
import { type RejectedRequestGroup, rejectedRequestsStore } from './store.ts';

const PER_SECOND = 1;
const BURST = 10;
/** Tokens that unsigned requests, which most strangers send, leave for the others. */
const RESERVED_FOR_SIGNED = 5;

interface Dependencies {
  pool: Pool;
  clientSecrets: Pick<ClientSecrets, 'remember' | 'former'>;
  /** The configured client secrets. */
  configured: readonly string[];
  clock: Clock;
  logger: Logger;
}

export type RejectedRequests = ReturnType<typeof createRejectedRequests>;

/**
 * Stores why requests were rejected, for operators. Limited in number and rate, and asynchronous, so that strangers can
 * make this server neither write much nor answer late.
 */
export function createRejectedRequests({ pool, clientSecrets, configured, clock, logger }: Dependencies) {
  let former: readonly string[] = [];
  let tokens = BURST;
  let filledAt = clock.now();
  let queued = 0;
  let writes: Promise<void> = Promise.resolve();

  return {
    /** Stores the configured client secrets and loads former ones. The web process calls it at its start. */
    async rememberSecrets(): Promise<void> {
      await clientSecrets.remember();
      former = await clientSecrets.former();
    },

    /** Stores the request later, or drops it when there are too many. */
    note(rejected: RejectedRequest): void {
      if (queued >= BURST || !takeToken(rejected.reason === 'no_signature' ? RESERVED_FOR_SIGNED : 0)) return;
      queued += 1;
      // After the answer, and one at a time, so that they block one connection at most when the database is slow.
      setImmediate(() => {
        writes = writes
          .then(() => store(rejected))
          .catch((err) => logger.warn({ err }, 'a rejected request could not be stored'))
          .finally(() => {
            queued -= 1;
          });
      });
    },

    list: (limit: number): Promise<RejectedRequestGroup[]> => rejectedRequestsStore.groups(pool, limit),
  };

  async function store(rejected: RejectedRequest): Promise<void> {
    const { parts, reason, address } = rejected;
    const { finding, setting } = diagnose(rejected, { configured, former });
    // Only HubSpot's requests have a setting, so strangers cause neither log lines nor alarms.
    if (setting)
      logger.warn({ route: rejected.route, reason, setting }, `a request was rejected: ${finding}`);
    if (setting && isVersionSetting(setting)) await raiseSignatureVersion(pool, setting, finding);
    await rejectedRequestsStore.add(pool, {
      method: parts.method.slice(0, 20),
      path: withoutQuery(address.target),
      reason,
      finding,
      setting,
      bodyBytes: parts.rawBody.length,
    });
  }

  function takeToken(reserve: number): boolean {
    // The clock may go backwards.
    const now = Math.max(clock.now(), filledAt);
    tokens = Math.min(BURST, tokens + ((now - filledAt) / 1000) * PER_SECOND);
    filledAt = now;
    if (tokens < 1 + reserve) return false;
    tokens -= 1;
    return true;
  }
}
