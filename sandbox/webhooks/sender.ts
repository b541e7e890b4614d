import type { WebhookEvent } from './change-events.ts';

/** What the sender needs of a batch: its portals, and the limit of concurrent requests. */
export interface Sendable {
  events: readonly WebhookEvent[];
  portalIds: readonly number[];
  /** Concurrent requests per portal. */
  concurrency: number;
}

/** The maximum of concurrent sockets, whatever the number of portals. */
const MAX_RUNNING = 256;

/**
 * Sends batches in order of arrival, as many concurrently as their portals allow. A batch with
 * events of several portals takes a place in each of them.
 */
export function createSender<T extends Sendable>(send: (batch: T) => Promise<void>) {
  /** Batches by portal, so that those of a busy portal are not checked repeatedly. */
  const lanes = new Map<string, T[]>();
  const inFlight = new Map<number, number>();
  let running = 0;

  function hasPlace({ portalIds, concurrency }: T): boolean {
    return portalIds.every((portalId) => (inFlight.get(portalId) ?? 0) < concurrency);
  }

  function startAll() {
    for (const [key, lane] of lanes) {
      while (running < MAX_RUNNING && lane[0] && hasPlace(lane[0])) {
        const batch = lane.shift();
        if (batch) void run(batch);
      }
      if (lane.length === 0) lanes.delete(key);
      if (running === MAX_RUNNING) return;
    }
  }

  async function run(batch: T) {
    running += 1;
    for (const portalId of batch.portalIds) inFlight.set(portalId, (inFlight.get(portalId) ?? 0) + 1);
    try {
      await send(batch);
    } finally {
      running -= 1;
      for (const portalId of batch.portalIds) inFlight.set(portalId, (inFlight.get(portalId) ?? 1) - 1);
      startAll();
    }
  }

  return {
    add(batches: readonly T[]) {
      for (const batch of batches) {
        const key = batch.portalIds.join();
        const lane = lanes.get(key) ?? [];
        lanes.set(key, lane);
        lane.push(batch);
      }
      startAll();
    },
    /** Discards and returns the waiting batches. Running ones continue and free their places. */
    clear(): T[] {
      const waiting = [...lanes.values()].flat();
      lanes.clear();
      return waiting;
    },
  };
}
