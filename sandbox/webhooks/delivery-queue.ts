import type { AppSettingsStore } from '../state/app-settings.ts';
import type { SandboxClock } from '../state/clock.ts';
import type { WebhookEvent } from './change-events.ts';
import { retryDelay } from './retry-delay.ts';
import { createSender } from './sender.ts';
import type { SignatureVersion } from './sign.ts';
import { sendSigned } from './signed-request.ts';

/** The outcome of one POST to the target URL. Status 0: timeout or no connection. */
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

export interface DeliveryOptions {
  batchSize?: number;
  /** How often each event is sent; with 1.2 a fifth of them are sent twice. */
  copies?: number;
  /** The events and their copies in random order; or each at most this many places too late. */
  shuffle?: boolean | number;
  /** Delay of the first request on the sandbox clock. */
  delayMs?: number;
  /** The period over which the requests are spread, on the sandbox clock. */
  spreadMs?: number;
  /** Concurrent requests per portal. Default: the app's `maxConcurrentRequests`. */
  concurrency?: number;
  versions?: readonly SignatureVersion[];
  retry?: boolean;
  /** The maximum delay of retries; the call waits for them. */
  maxDelayMs?: number;
}

interface Batch {
  events: WebhookEvent[];
  portalIds: number[];
  concurrency: number;
  versions: readonly SignatureVersion[];
  attempt: number;
  retry: boolean;
  maxDelayMs: number;
  /** The outcomes of the attempts so far. */
  attempts: Delivery[];
  /** Called when the batch is finished, if a caller waits for it. */
  settle?: () => void;
}

export type DeliveryQueue = ReturnType<typeof createDeliveryQueue>;

export const MAX_EVENTS_PER_REQUEST = 100;
const GATHER_MS = 50;
const KEPT_RECORDS = 500;
const asHubSpot: readonly SignatureVersion[] = ['v1', 'v3'];

/**
 * Collects events for a moment, sends them in batches that may mix portals, and retries failed
 * batches. Retries are due on the sandbox clock, so that advancing it makes them due.
 * @param timeoutMs the app's time limit. Default: HubSpot's five seconds.
 */
export function createDeliveryQueue(settings: AppSettingsStore, clock: SandboxClock, timeoutMs?: number) {
  let gathered: WebhookEvent[] = [];
  let delayed: { batch: Batch; dueAt: number }[] = [];
  let records: DeliveryRecord[] = [];
  let gatherTimer: NodeJS.Timeout | undefined;
  let wakeTimer: NodeJS.Timeout | undefined;
  let nextEventId = 3_000_000_001;
  /** Incremented by each reset: results of earlier requests are discarded. */
  let generation = 0;

  const sender = createSender(attemptBatch);
  clock.onAdvance(startDue);

  function flush() {
    gatherTimer = undefined;
    const events = gathered;
    gathered = [];
    sender.add(batchesOf(events, { retry: true }));
  }

  function batchesOf(events: readonly WebhookEvent[], options: DeliveryOptions): Batch[] {
    const { batchSize = MAX_EVENTS_PER_REQUEST, versions = asHubSpot, retry = false } = options;
    const { concurrency = settings.get().maxConcurrentRequests, maxDelayMs = Infinity } = options;
    return inBatches(events, batchSize).map((part) => ({
      events: part,
      portalIds: portalsOf(part),
      concurrency,
      versions,
      attempt: 0,
      retry,
      maxDelayMs,
      attempts: [],
    }));
  }

  async function attemptBatch(batch: Batch): Promise<void> {
    const startedIn = generation;
    const record = await post(batch);
    if (startedIn !== generation) return batch.settle?.();
    const { status, events, attempt, ms } = record;
    batch.attempts.push({ status, events, attempt, ms });
    records.push(record);
    if (records.length > KEPT_RECORDS) records.shift();
    const taken = status >= 200 && status < 300;
    const delay = taken || !batch.retry ? undefined : retryDelay(attempt, Math.random());
    if (delay !== undefined) {
      const dueAt = clock.now() + Math.min(delay, batch.maxDelayMs);
      record.nextAttemptAt = new Date(dueAt).toISOString();
      delayed.push({ batch: { ...batch, attempt: attempt + 1 }, dueAt });
      startDue();
    }
    if (delay === undefined || batch.maxDelayMs === Infinity) batch.settle?.();
  }

  /** Passes on the due batches, in order, and sets a timer for the next one. */
  function startDue() {
    clearTimeout(wakeTimer);
    const now = clock.now();
    const due = delayed.filter(({ dueAt }) => dueAt <= now).sort((one, other) => one.dueAt - other.dueAt);
    delayed = delayed.filter(({ dueAt }) => dueAt > now);
    if (delayed.length > 0) {
      const next = delayed.reduce((earliest, { dueAt }) => Math.min(earliest, dueAt), Infinity);
      wakeTimer = setTimeout(startDue, next - now).unref();
    }
    sender.add(due.map(({ batch }) => batch));
  }

  async function post({ events, attempt, versions, portalIds }: Batch): Promise<DeliveryRecord> {
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
      timeoutMs,
    });
    const types = [...new Set(events.map((event) => event.subscriptionType))];
    return { at, status, events: events.length, attempt, ms, portalIds, types, problem };
  }

  return {
    newEventId: () => nextEventId++,

    /** Adds events to the batch that is being collected. */
    enqueue(events: readonly WebhookEvent[]) {
      if (events.length === 0) return;
      gathered.push(...events);
      gatherTimer ??= setTimeout(flush, GATHER_MS).unref();
    },

    /**
     * Delivers now, or at a time of the sandbox clock, and returns the outcomes, batch by batch. Retries
     * happen later, also on that clock; with `maxDelayMs` they are waited for and follow their first attempts.
     */
    async deliverNow(events: readonly WebhookEvent[], options: DeliveryOptions): Promise<Delivery[]> {
      const { copies = 1, shuffle = false, delayMs = 0, spreadMs = 0 } = options;
      const batches =
        shuffle === false
          ? rounds(events, copies).flatMap((round) => batchesOf(round, options))
          : batchesOf(shuffled(events, copies, shuffle), options);
      const settled = batches.map((batch) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        batch.settle = resolve;
        return promise;
      });
      const beginsAt = clock.now() + delayMs;
      const pauseMs = spreadMs / batches.length;
      delayed.push(...batches.map((batch, index) => ({ batch, dueAt: beginsAt + index * pauseMs })));
      startDue();
      await Promise.all(settled);
      return batches.flatMap(({ attempts }) => attempts);
    },

    /** Newest first. */
    deliveries: (portalId?: number): DeliveryRecord[] =>
      records.filter((record) => portalId === undefined || record.portalIds.includes(portalId)).reverse(),

    reset() {
      clearTimeout(gatherTimer);
      clearTimeout(wakeTimer);
      generation += 1;
      for (const batch of [...sender.clear(), ...delayed.map(({ batch: later }) => later)]) batch.settle?.();
      gatherTimer = undefined;
      gathered = [];
      delayed = [];
      records = [];
    },
  };
}

function portalsOf(events: readonly WebhookEvent[]): number[] {
  return [...new Set(events.map(({ portalId }) => portalId))];
}

function inBatches<T>(items: readonly T[], size: number): T[][] {
  const batches: T[][] = [];
  for (let start = 0; start < items.length; start += size) batches.push(items.slice(start, start + size));
  return batches;
}

/** How often each event is sent: a random part of them once more than the others. */
function timesEach(count: number, copies: number): number[] {
  const times = Array.from({ length: count }, () => Math.floor(copies));
  const more = Math.round(count * (copies % 1));
  for (const index of byRank([...times.keys()], Math.random).slice(0, more)) times[index] = Math.ceil(copies);
  return times;
}

/** All events, followed by the duplicates. */
function rounds<T>(events: readonly T[], copies: number): T[][] {
  const times = timesEach(events.length, copies);
  return Array.from({ length: Math.ceil(copies) }, (_, round) =>
    events.filter((_, index) => (times[index] ?? 0) > round),
  );
}

/** @param reach how many places late an event may be; true: any number. */
function shuffled<T>(events: readonly T[], copies: number, reach: true | number): T[] {
  const times = timesEach(events.length, copies);
  const places = times.flatMap((count, index) => Array.from({ length: count }, () => index));
  const rankOf = reach === true ? Math.random : (index: number) => index + Math.random() * reach;
  return byRank(places, rankOf).flatMap((index) => events[index] ?? []);
}

function byRank<T>(items: readonly T[], rankOf: (item: T) => number): T[] {
  return items
    .map((item) => ({ item, rank: rankOf(item) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}
