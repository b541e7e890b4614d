import { type Alarm, alarmsStore } from '../db/alarms-store.ts';
import { pendingMigrations } from '../db/pending-migrations.ts';
import type { Pool } from '../db/pool.ts';
import { webhookDeliveriesStore } from '../db/webhook-deliveries-store.ts';
import { reasonOf } from '../reason-of.ts';
import type { KeyService } from './key-service.ts';

/** Older than this, a waiting delivery says that no worker is at work. */
const MAX_QUEUE_LAG_SECONDS = 300;

export type HealthService = ReturnType<typeof createHealthService>;

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Record<'database' | 'migrations' | 'keyRing' | 'queue', string>;
  /** Trouble that an operator has to mend while this process goes on working. */
  readonly alarms: readonly Alarm[];
}

export function createHealthService({ pool, keys }: { pool: Pool; keys: KeyService }) {
  return {
    /** Whether this process can do its work now. Each check is `ok` or says what is wrong. */
    async readiness(): Promise<Readiness> {
      const [migrations, keyRing, queue, alarms] = await Promise.allSettled([
        pendingMigrations(pool),
        keys.check(),
        queueLag(pool),
        alarmsStore.list(pool),
      ]);
      if (migrations.status === 'rejected') {
        return report({
          database: 'does not answer',
          migrations: 'unknown',
          keyRing: 'unknown',
          queue: 'unknown',
        });
      }
      return report(
        {
          database: 'ok',
          migrations: migrations.value === 0 ? 'ok' : `${migrations.value} to run: npm run migrate`,
          keyRing: keyRing.status === 'fulfilled' ? 'ok' : reasonOf(keyRing.reason),
          queue: queue.status === 'rejected' ? 'unknown' : queue.value,
        },
        alarms.status === 'fulfilled' ? alarms.value : [],
      );
    },
  };
}

const report = (checks: Readiness['checks'], alarms: readonly Alarm[] = []): Readiness => ({
  ready: Object.values(checks).every((check) => check === 'ok'),
  checks,
  alarms,
});

async function queueLag(pool: Pool): Promise<string> {
  const seconds = await webhookDeliveriesStore.oldestWaitingSeconds(pool);
  return seconds <= MAX_QUEUE_LAG_SECONDS ? 'ok' : `the oldest delivery has waited ${seconds} seconds`;
}
