import type { Alarm, Alarms } from '../alarms/index.ts';
import type { Clock } from '../base/clock.ts';
import { reasonOf } from '../base/reason-of.ts';
import { pendingMigrations } from '../db/pending-migrations.ts';
import type { Pool } from '../db/pool.ts';
import type { KeyService } from '../installs/index.ts';
import { webhookDeliveriesStore } from '../webhooks/deliveries-store.ts';
import type { WebhookReceiver } from '../webhooks/pipeline/receiver.ts';

/** Older than this, a waiting delivery says that no worker is at work. */
const MAX_QUEUE_LAG_SECONDS = 300;

export type HealthService = ReturnType<typeof createHealthService>;

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Record<'database' | 'migrations' | 'keyRing' | 'queue' | 'deliveries', string>;
  /** Trouble that an operator has to mend while this process goes on working. */
  readonly alarms: readonly Alarm[];
}

interface Dependencies {
  pool: Pool;
  keys: Pick<KeyService, 'prove'>;
  alarms: Pick<Alarms, 'list'>;
  receiver: Pick<WebhookReceiver, 'problem'>;
  clock: Clock;
}

/** Strangers may ask as often as they like: the database is asked once a second. */
const KNOWN_FOR_MS = 1_000;

export function createHealthService({ pool, keys, alarms: allAlarms, receiver, clock }: Dependencies) {
  let known: { readonly at: number; readonly readiness: Promise<Readiness> } | undefined;

  return {
    /** Whether this process can do its work now, as of a second ago. Each check is `ok` or says what is wrong. */
    readiness(): Promise<Readiness> {
      const now = clock.now();
      if (!known || Math.abs(now - known.at) >= KNOWN_FOR_MS) known = { at: now, readiness: check() };
      return known.readiness;
    },
  };

  /** Reads only. */
  async function check(): Promise<Readiness> {
    const deliveries = receiver.problem() ?? 'ok';
    const [migrations, keyRing, queue, alarms] = await Promise.allSettled([
      pendingMigrations(pool),
      keys.prove(),
      queueLag(pool),
      allAlarms.list(),
    ]);
    if (migrations.status === 'rejected') {
      const unknown = { migrations: 'unknown', keyRing: 'unknown', queue: 'unknown' };
      return report({ database: 'does not answer', ...unknown, deliveries });
    }
    return report(
      {
        database: 'ok',
        migrations: migrations.value === 0 ? 'ok' : `${migrations.value} to run: npm run migrate`,
        keyRing: keyRing.status === 'fulfilled' ? 'ok' : reasonOf(keyRing.reason),
        queue: queue.status === 'rejected' ? 'unknown' : queue.value,
        deliveries,
      },
      alarms.status === 'fulfilled' ? alarms.value : [],
    );
  }
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
