import type { Db, Pool } from '../../db/pool.ts';
import { inTransaction } from '../../db/transaction.ts';
import { webhookDeliveriesStore } from '../deliveries-store.ts';
import type { WebhookEvent } from '../event/event.ts';
import { parseDelivery } from '../event/parse-delivery.ts';
import { webhookEventsStore } from '../events-store.ts';
import { wakeLanes, wakeSplitter } from '../pipeline/lanes.ts';
import {
  type DeliveryFilter,
  type DeliverySummary,
  type EventFilter,
  type EventSummary,
  type LedgerEvent,
  webhookLedgerStore,
} from './store.ts';

export type { DeliveryFilter, DeliverySummary, EventFilter, EventSummary };

const RECORDS_AT_ONCE = 200;

/** The result of a replay or a drop. */
export interface LedgerChange {
  readonly changed: number;
  /** Events whose payload was erased, so that they cannot be replayed. */
  readonly erased: number;
  /** Events without a handler. */
  readonly unwanted: number;
  /** Events that were being handled and were not changed. */
  readonly busy: number;
  readonly byType: readonly { type: string; state: string; events: number }[];
}

export interface ChangeOptions {
  /** Only counts. */
  readonly dryRun: boolean;
  onTotal?(total: number): void;
  onProgress?(done: number): void;
}

export type WebhookLedger = ReturnType<typeof createWebhookLedger>;

interface Dependencies {
  pool: Pool;
  /** Whether the event has a handler. */
  isWanted: (event: WebhookEvent) => boolean;
}

/** Lists, replays and drops stored webhook events. */
export function createWebhookLedger({ pool, isWanted }: Dependencies) {
  return {
    list: (filter: EventFilter, limit: number) => webhookLedgerStore.list(pool, filter, limit),
    find: (id: string) => webhookLedgerStore.find(pool, id),
    listDeliveries: (filter: DeliveryFilter, limit: number) =>
      webhookLedgerStore.listDeliveries(pool, filter, limit),

    async findDelivery(id: number) {
      const delivery = await webhookLedgerStore.findDelivery(pool, id);
      return delivery && { ...delivery, body: delivery.body?.toString('utf8') ?? null };
    },

    /**
     * Splits a settled delivery again when this version accepts items that an older one found invalid.
     * @returns how many.
     */
    readAgain: (id: number, dryRun: boolean): Promise<number> =>
      inTransaction(pool, async (tx) => {
        const kept = await webhookDeliveriesStore.lockKept(tx, id);
        const understood = (kept && parseDelivery(kept).events?.length) ?? 0;
        if (understood > 0 && !dryRun) {
          await webhookDeliveriesStore.unsettle(tx, id);
          await wakeSplitter(tx);
        }
        return understood;
      }),

    /** Lets events be handled again, as if they were new. The events of a record keep their order. */
    replay: (filter: EventFilter, options: ChangeOptions): Promise<LedgerChange> =>
      change(filter, options, isReplayable, async (tx, events) => {
        const normal = new Set([
          ...events.filter(({ priority }) => priority === 0).map(({ record }) => record),
          ...(await webhookEventsStore.recordsWithNormalPriority(tx, recordsOf(events))),
        ]);
        await webhookEventsStore.promote(tx, [...normal]);
        await webhookLedgerStore.replay(
          tx,
          events.map(({ id, record, priority }) => ({ id, priority: normal.has(record) ? 0 : priority })),
        );
      }),

    /** Settles events without handling them. */
    drop: (filter: EventFilter, reason: string, options: ChangeOptions): Promise<LedgerChange> =>
      change(
        filter,
        options,
        () => true,
        (tx, events) =>
          webhookLedgerStore.drop(
            tx,
            events.map(({ id }) => id),
            reason,
          ),
      ),
  };

  /** Page by page. A record's events change in one transaction, so that no worker sees only some of them. */
  async function change(
    filter: EventFilter,
    { dryRun, onTotal, onProgress }: ChangeOptions,
    isDue: (entry: LedgerEvent) => boolean,
    apply: (tx: Db, events: readonly LedgerEvent[]) => Promise<void>,
  ): Promise<LedgerChange> {
    const total = await webhookLedgerStore.count(pool, filter);
    onTotal?.(total);
    const counts = { changed: 0, erased: 0, unwanted: 0 };
    const byType = new Map<string, { type: string; state: string; events: number }>();
    let seen = 0;
    for (let after = ''; ; ) {
      const records = await webhookLedgerStore.recordsAfter(pool, filter, after, RECORDS_AT_ONCE);
      const last = records.at(-1);
      if (last === undefined) break;
      after = last;
      const found = dryRun
        ? await webhookLedgerStore.eventsOf(pool, filter, records)
        : await inTransaction(pool, async (tx) => {
            const locked = await webhookLedgerStore.lockEventsOf(tx, filter, records);
            const due = locked.filter(isDue);
            if (due.length > 0) {
              await apply(tx, due);
              await wakeLanes(
                tx,
                due.map(({ lane }) => lane),
              );
            }
            return locked;
          });
      seen += found.length;
      onProgress?.(seen);
      for (const entry of found) tally(entry);
    }
    return { ...counts, busy: dryRun ? 0 : Math.max(0, total - seen), byType: [...byType.values()] };

    function tally(entry: LedgerEvent) {
      const { type, state, event } = entry;
      if (!isDue(entry)) {
        counts[event ? 'unwanted' : 'erased'] += 1;
        return;
      }
      counts.changed += 1;
      const row = byType.get(`${type} ${state}`) ?? { type, state, events: 0 };
      row.events += 1;
      byType.set(`${type} ${state}`, row);
    }
  }

  function isReplayable({ event }: LedgerEvent) {
    return event !== null && isWanted(event);
  }
}

const recordsOf = (events: readonly LedgerEvent[]) => [...new Set(events.map(({ record }) => record))];
