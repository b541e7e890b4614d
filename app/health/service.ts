import type { Alarm, Alarms } from '../alarms/index.ts';
import type { Clock } from '../base/clock.ts';
import { reasonOf } from '../base/reason-of.ts';
import { pendingMigrations } from '../db/pending-migrations.ts';
import type { Pool } from '../db/pool.ts';
import type { KeyService } from '../installs/index.ts';
import type { Webhooks } from '../webhooks/index.ts';

/** A delivery that waits longer than this shows that no worker is running. */
const MAX_QUEUE_LAG_SECONDS = 300;

export type HealthService = ReturnType<typeof createHealth>;

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Record<'database' | 'migrations' | 'keyRing' | 'queue' | 'deliveries', string>;
  /** Problems that only an operator can fix. They do not make this process unready. */
  readonly alarms: readonly Alarm[];
}

interface Parts {
  pool: Pool;
  keys: Pick<KeyService, 'prove'>;
  alarms: Pick<Alarms, 'list'>;
  webhooks: Pick<Webhooks, 'storingProblem' | 'oldestWaitingSeconds'>;
  clock: Clock;
}

/** Anybody may call `/readyz`: the database is queried at most once in this time. */
const CACHED_MS = 1_000;

export function createHealth({ pool, keys, webhooks, alarms, clock }: Parts) {
  let cached: { readonly at: number; readonly readiness: Promise<Readiness> } | undefined;

  return {
    /** Whether this process can work, at most a second old. Each check is `ok` or names the problem. */
    readiness(): Promise<Readiness> {
      const now = clock.now();
      if (!cached || Math.abs(now - cached.at) >= CACHED_MS) cached = { at: now, readiness: check() };
      return cached.readiness;
    },
  };

  async function check(): Promise<Readiness> {
    const deliveries = webhooks.storingProblem() ?? 'ok';
    const [migrations, keyRing, queue, raised] = await Promise.allSettled([
      pendingMigrations(pool),
      keys.prove(),
      webhooks.oldestWaitingSeconds(),
      alarms.list(),
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
        queue: queue.status === 'fulfilled' ? lagProblem(queue.value) : 'unknown',
        deliveries,
      },
      raised.status === 'fulfilled' ? raised.value : [],
    );
  }
}

const report = (checks: Readiness['checks'], alarms: readonly Alarm[] = []): Readiness => ({
  ready: Object.values(checks).every((check) => check === 'ok'),
  checks,
  alarms,
});

const lagProblem = (seconds: number) =>
  seconds <= MAX_QUEUE_LAG_SECONDS ? 'ok' : `the oldest delivery has waited ${seconds} seconds`;
