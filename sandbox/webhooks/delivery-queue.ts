import type { AppSettingsStore } from '../state/app-settings.ts';
import type { SandboxClock } from '../state/clock.ts';
import type { WebhookEvent } from './change-events.ts';
import { retryDelay } from './retry-delay.ts';
import type { SignatureVersion } from './sign.ts';
import { sendSigned } from './signed-request.ts';

/** What came of one POST to the target URL. Status 0: no answer within five seconds, or no connection. */
export interface Delivery {
  status: number;
  events: number;
  /** 0 for the first attempt, as in the events' `attemptNumber`. */
  attempt: number;
  ms: number;
}

export interface DeliveryRecord extends Delivery {
  /** Wall-clock ISO time. */
  at: string;
  portalIds: number[];
  types: string[];
  problem?: string;
  /** Sandbox ISO time of the next attempt, when there is one. */
  nextAttemptAt?: string;
}

interface Batch {
  events: WebhookEvent[];
  attempt: number;
  /** Sandbox time, epoch ms. */
  dueAt: number;
}

export type DeliveryQueue = ReturnType<typeof createDeliveryQueue>;

export const MAX_EVENTS_PER_REQUEST = 100;
const GATHER_MS = 50;
const KEPT_RECORDS = 500;
const asHubSpot: readonly SignatureVersion[] = ['v1', 'v3'];

/**
 * Gathers events for a moment, sends them in batches that may mix portals, and tries failed
 * batches again. Retries are due on the sandbox clock, so that moving it brings them forward.
 */
export function createDeliveryQueue(settings: AppSettingsStore, clock: SandboxClock) {
  let gathered: WebhookEvent[] = [];
  let waiting: Batch[] = [];
  let records: DeliveryRecord[] = [];
  let inFlight = new Map<number, number>();
  let gatherTimer: NodeJS.Timeout | undefined;
  let wakeTimer: NodeJS.Timeout | undefined;
  let nextEventId = 3_000_000_001;

  clock.onAdvance(() => startDue());

  function flush() {
    gatherTimer = undefined;
    const events = gathered;
    gathered = [];
    for (const part of inBatches(events, MAX_EVENTS_PER_REQUEST)) {
      waiting.push({ events: part, attempt: 0, dueAt: clock.now() });
    }
    startDue();
  }

  /** Starts what is due and has a free place; wakes up again when the next retry is due. */
  function startDue() {
    clearTimeout(wakeTimer);
    const limit = settings.get().maxConcurrentRequests;
    const held: Batch[] = [];
    for (const batch of waiting) {
      const hasPlace = portalsOf(batch.events).every((portalId) => (inFlight.get(portalId) ?? 0) < limit);
      if (batch.dueAt <= clock.now() && hasPlace) void run(batch, inFlight);
      else held.push(batch);
    }
    waiting = held;
    const later = held.map(({ dueAt }) => dueAt - clock.now()).filter((ms) => ms > 0);
    if (later.length > 0) wakeTimer = setTimeout(startDue, Math.min(...later)).unref();
  }

  async function run(batch: Batch, places: Map<number, number>) {
    const portalIds = portalsOf(batch.events);
    for (const portalId of portalIds) places.set(portalId, (places.get(portalId) ?? 0) + 1);
    const delivery = await post(batch.events, batch.attempt, asHubSpot);
    for (const portalId of portalIds) places.set(portalId, (places.get(portalId) ?? 1) - 1);
    // After a reset the counters are new ones; what was under way before is forgotten.
    if (places !== inFlight) return;
    if (!isTaken(delivery.status)) retryLater(batch.events, batch.attempt, delivery);
    startDue();
  }

  function retryLater(events: WebhookEvent[], attempt: number, record: DeliveryRecord) {
    const delay = retryDelay(attempt, Math.random());
    if (delay === undefined) return;
    const dueAt = clock.now() + delay;
    record.nextAttemptAt = new Date(dueAt).toISOString();
    waiting.push({ events, attempt: attempt + 1, dueAt });
  }

  async function post(events: WebhookEvent[], attempt: number, versions: readonly SignatureVersion[]) {
    const { webhookTargetUrl, clientSecret } = settings.get();
    const at = new Date().toISOString();
    const body = JSON.stringify(
      events.map((event) => ({ ...event, attemptNumber: event.attemptNumber + attempt })),
    );
    const { status, ms, problem } = await sendSigned({
      method: 'POST',
      url: webhookTargetUrl,
      body,
      clientSecret,
      versions,
    });
    const record: DeliveryRecord = {
      at,
      status,
      events: events.length,
      attempt,
      ms,
      portalIds: portalsOf(events),
      types: [...new Set(events.map((event) => event.subscriptionType))],
      problem,
    };
    records = [...records, record].slice(-KEPT_RECORDS);
    return record;
  }

  return {
    newEventId: () => nextEventId++,

    /** Adds events to the batch that is being gathered. */
    enqueue(events: readonly WebhookEvent[]) {
      if (events.length === 0) return;
      gathered.push(...events);
      gatherTimer ??= setTimeout(flush, GATHER_MS).unref();
    },

    /** Delivers now, waits for the answers and, unless asked to, does not try again. */
    async deliverNow(
      events: readonly WebhookEvent[],
      options: {
        batchSize?: number;
        copies?: number;
        versions?: readonly SignatureVersion[];
        retry?: boolean;
      },
    ): Promise<Delivery[]> {
      const batches = inBatches(events, options.batchSize ?? MAX_EVENTS_PER_REQUEST);
      const copies = Array.from({ length: options.copies ?? 1 }, () => batches).flat();
      const results: Delivery[] = [];
      for (const group of inBatches(copies, settings.get().maxConcurrentRequests)) {
        const done = await Promise.all(
          group.map(async (batch) => {
            const record = await post(batch, 0, options.versions ?? asHubSpot);
            if (options.retry && !isTaken(record.status)) retryLater(batch, 0, record);
            return record;
          }),
        );
        results.push(...done.map(({ status, events, attempt, ms }) => ({ status, events, attempt, ms })));
      }
      startDue();
      return results;
    },

    /** Newest first. */
    deliveries: (portalId?: number): DeliveryRecord[] =>
      records.filter((record) => portalId === undefined || record.portalIds.includes(portalId)).reverse(),

    reset() {
      clearTimeout(gatherTimer);
      clearTimeout(wakeTimer);
      gatherTimer = undefined;
      gathered = [];
      waiting = [];
      records = [];
      inFlight = new Map();
    },
  };
}

function isTaken(status: number): boolean {
  return status >= 200 && status < 300;
}

function portalsOf(events: readonly WebhookEvent[]): number[] {
  return [...new Set(events.map(({ portalId }) => portalId))];
}

function inBatches<T>(items: readonly T[], size: number): T[][] {
  const batches: T[][] = [];
  for (let start = 0; start < items.length; start += size) batches.push(items.slice(start, start + size));
  return batches;
}
