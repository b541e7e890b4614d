import type { Db } from '../db/pool.ts';
import { enqueue } from '../jobs/enqueue.ts';

/** Enough for all jobs of some worker processes; each lane is worked by one at a time. */
export const LANES = 16;

/** The lane of a record: always the same, so that its events never run side by side. */
export function laneOf(record: string): number {
  // FNV-1a
  let hash = 2_166_136_261;
  for (let at = 0; at < record.length; at += 1) hash = Math.imul(hash ^ record.charCodeAt(at), 16_777_619);
  return (hash >>> 0) % LANES;
}

/** Asks for lanes to be worked, in ascending order: two transactions that wake the same ones must not deadlock. */
export async function wakeLanes(tx: Db, lanes: readonly number[], runAt?: Date): Promise<void> {
  for (const lane of [...new Set(lanes)].sort((a, b) => a - b)) {
    const queue = `webhook-lane:${lane}`;
    // A key of its own: a later job under the same key would put off what is to be done now.
    const jobKey = runAt ? `${queue}:later` : queue;
    await enqueue(tx, 'run-webhook-lane', { lane }, { jobKey, queue, ...(runAt && { runAt }) });
  }
}
