import { readdir } from 'node:fs/promises';
import type { Pool } from '../db/pool.ts';

/** Older than this, a waiting delivery says that no worker is at work. */
const MAX_QUEUE_LAG_SECONDS = 300;

export type HealthService = ReturnType<typeof createHealthService>;

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Record<'database' | 'migrations' | 'queue', string>;
}

export function createHealthService({ pool }: { pool: Pool }) {
  return {
    /** Whether this process can do its work now. Each check is `ok` or says what is wrong. */
    async readiness(): Promise<Readiness> {
      const [migrations, queue] = await Promise.allSettled([pendingMigrations(pool), queueLag(pool)]);
      if (migrations.status === 'rejected') {
        return report({ database: 'does not answer', migrations: 'unknown', queue: 'unknown' });
      }
      return report({
        database: 'ok',
        migrations: migrations.value === 0 ? 'ok' : `${migrations.value} to run: npm run migrate`,
        queue: queue.status === 'rejected' ? 'unknown' : queue.value,
      });
    },
  };
}

const report = (checks: Readiness['checks']): Readiness => ({
  ready: Object.values(checks).every((check) => check === 'ok'),
  checks,
});

async function pendingMigrations(pool: Pool): Promise<number> {
  const files = await readdir(new URL('../db/migrations', import.meta.url));
  const { rows } = await pool.query(`select to_regclass('migrations') is not null as exists`);
  if (!rows[0].exists) return files.length;
  const done = await pool.query<{ name: string }>('select name from migrations');
  const names = new Set(done.rows.map(({ name }) => name));
  return files.filter((file) => !names.has(file.replace(/\.sql$/, ''))).length;
}

async function queueLag(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ seconds: number | null }>(
    `select extract(epoch from now() - min(received_at))::int as seconds from webhook_deliveries where state = 'waiting'`,
  );
  const seconds = rows[0]?.seconds ?? 0;
  return seconds <= MAX_QUEUE_LAG_SECONDS ? 'ok' : `the oldest delivery has waited ${seconds} seconds`;
}
