import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Pool } from '../../db/pool.ts';
import {
  diagnose,
  isVersionSetting,
  type Refusal,
  withoutQuery,
} from '../../http/signature/explain/diagnose.ts';
import type { ClientSecrets } from '../../installs/index.ts';
import { raiseSignatureVersion } from './signature-alarms.ts';
import { type RefusalGroup, webhookRefusalsStore } from './store.ts';

const PER_SECOND = 1;
const BURST = 10;
/** Requests without a signature are most of what strangers send: they leave this much for the others. */
const KEPT_FOR_SIGNED = 5;

interface Dependencies {
  pool: Pool;
  clientSecrets: Pick<ClientSecrets, 'remember' | 'former'>;
  /** Client secrets of the settings. */
  configured: readonly string[];
  clock: Clock;
  logger: Logger;
}

/**
 * Keeps for operators why requests were refused. Bounded in number and rate, and nobody waits for it: whoever is
 * refused can make this server neither write much nor answer late.
 */
export function createRefusalService({ pool, clientSecrets, configured, clock, logger }: Dependencies) {
  let former: readonly string[] = [];
  let tokens = BURST;
  let filledAt = clock.now();
  let underWay = 0;
  let writes: Promise<void> = Promise.resolve();

  return {
    /** At the start of the web process: keeps the configured client secrets, and recalls those before them. */
    async rememberSecrets(): Promise<void> {
      await clientSecrets.remember();
      former = await clientSecrets.former();
    },

    /** Returns at once; what it is told may or may not be kept. */
    note(refusal: Refusal): void {
      if (underWay >= BURST || !takeToken(refusal.reason === 'no_signature' ? KEPT_FOR_SIGNED : 0)) return;
      underWay += 1;
      // After the answer, and one after another: a slow database has one connection of the pool waiting, not ten.
      setImmediate(() => {
        writes = writes
          .then(() => keep(refusal))
          .catch((err) => logger.warn({ err }, 'why a request was refused could not be kept'))
          .finally(() => {
            underWay -= 1;
          });
      });
    },

    list: (limit: number): Promise<RefusalGroup[]> => webhookRefusalsStore.groups(pool, limit),
  };

  async function keep(refusal: Refusal): Promise<void> {
    const { parts, reason, address } = refusal;
    const { finding, setting } = diagnose(refusal, { configured, former });
    // Only what is really signed has a setting, so strangers cause neither line nor alarm.
    if (setting) logger.warn({ route: refusal.route, reason, setting }, `a request was refused: ${finding}`);
    if (setting && isVersionSetting(setting)) await raiseSignatureVersion(pool, setting, finding);
    await webhookRefusalsStore.add(pool, {
      method: parts.method.slice(0, 20),
      path: withoutQuery(address.target),
      reason,
      finding,
      setting,
      bodyBytes: parts.rawBody.length,
    });
  }

  function takeToken(reserve: number): boolean {
    // A clock that was put back fills nothing until it is where it was.
    const now = Math.max(clock.now(), filledAt);
    tokens = Math.min(BURST, tokens + ((now - filledAt) / 1000) * PER_SECOND);
    filledAt = now;
    if (tokens < 1 + reserve) return false;
    tokens -= 1;
    return true;
  }
}
