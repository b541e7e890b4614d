import type { Pool } from '../db/pool.ts';
import { privacyReceiptsStore } from '../db/privacy-receipts-store.ts';
import { inTransaction } from '../db/transaction.ts';
import { webhookDeliveriesStore } from '../db/webhook-deliveries-store.ts';
import { type NewWebhookEvent, webhookEventsStore } from '../db/webhook-events-store.ts';
import type { Logger } from '../logger.ts';
import { eventIdentity, parseDelivery, recordOf, type WebhookEvent } from './webhook-event.ts';
import { laneOf, wakeLanes } from './webhook-lanes.ts';

/** A round ends at whichever comes first; both bound its memory and the length of its transaction. */
const MOST_DELIVERIES = 200;
const MOST_EVENTS = 2_000;

export type WebhookSplitter = ReturnType<typeof createWebhookSplitter>;

interface Dependencies {
  pool: Pool;
  /** Whether any handler wants the event. */
  isWanted: (event: WebhookEvent) => boolean;
  logger: Logger;
}

/** Splits stored deliveries into events and hands them to their lanes. */
export function createWebhookSplitter({ pool, isWanted, logger }: Dependencies) {
  return {
    /** Splits until nothing waits, or `stopping` says so. */
    async splitWaiting(stopping: () => boolean): Promise<void> {
      // Starts at the size of large deliveries and grows while they are small.
      let deliveriesAtOnce = Math.ceil(MOST_EVENTS / 100);
      for (;;) {
        const { deliveries, events } = await inTransaction(pool, (tx) => splitSome(tx, deliveriesAtOnce));
        if (deliveries < deliveriesAtOnce || stopping()) return;
        const eventsEach = Math.max(1, events / deliveries);
        deliveriesAtOnce = Math.max(1, Math.min(MOST_DELIVERIES * 10, Math.floor(MOST_EVENTS / eventsEach)));
      }
    },
  };

  async function splitSome(tx: Parameters<Parameters<typeof inTransaction>[1]>[0], limit: number) {
    const deliveries = await webhookDeliveriesStore.lockWaiting(tx, limit);
    const found = new Map<string, NewWebhookEvent>();
    const settled: { id: number; events: number; problem: string | undefined }[] = [];
    for (const { id, body } of deliveries) {
      const { events, problem } = parseDelivery(body);
      if (problem) logger.warn({ deliveryId: id, problem }, 'a delivery holds what is not an event');
      if (!events) {
        await webhookDeliveriesStore.reject(tx, id, problem);
        continue;
      }
      settled.push({ id, events: events.length, problem });
      for (const event of events) {
        const row = toRow(event, id);
        if (!found.has(row.id)) found.set(row.id, row);
      }
    }
    const rows = await leaveOutErased(tx, await keepRecordsTogether(tx, [...found.values()]));
    await webhookEventsStore.add(tx, rows);
    if (settled.length > 0) await webhookDeliveriesStore.settle(tx, settled);
    const waiting = rows.filter(({ state }) => state === 'waiting');
    await wakeLanes(
      tx,
      waiting.map(({ lane }) => lane),
    );
    return { deliveries: deliveries.length, events: rows.length };
  }

  function toRow(event: WebhookEvent, deliveryId: number): NewWebhookEvent {
    const id = eventIdentity(event);
    const record = recordOf(event, id);
    return {
      id,
      delivery_id: deliveryId,
      portal_id: event.portalId,
      record,
      subscription_type: event.subscriptionType,
      lane: laneOf(record),
      priority: event.changeSource === 'IMPORT' ? 1 : 0,
      occurred_at: event.occurredAt ?? 0,
      event,
      state: isWanted(event) ? 'waiting' : 'ignored',
    };
  }

  /** Imports stand back, but never behind a later event of their own record. */
  async function keepRecordsTogether(
    tx: Parameters<typeof webhookEventsStore.bringForward>[0],
    rows: readonly NewWebhookEvent[],
  ): Promise<NewWebhookEvent[]> {
    const inFront = new Set(rows.filter(({ priority }) => priority === 0).map(({ record }) => record));
    if (inFront.size > 0) await webhookEventsStore.bringForward(tx, [...inFront]);
    const imported = rows.filter(({ priority, record }) => priority === 1 && !inFront.has(record));
    const others = await webhookEventsStore.recordsInFrontLane(tx, [
      ...new Set(imported.map(({ record }) => record)),
    ]);
    return rows.map((row) =>
      inFront.has(row.record) || others.has(row.record) ? { ...row, priority: 0 } : row,
    );
  }

  /** A person's late events are not stored again after the person's data was deleted. */
  async function leaveOutErased(
    tx: Parameters<typeof privacyReceiptsStore.erasedAt>[0],
    rows: readonly NewWebhookEvent[],
  ): Promise<NewWebhookEvent[]> {
    const erased = await privacyReceiptsStore.erasedAt(tx, [...new Set(rows.map(({ record }) => record))]);
    if (erased.size === 0) return [...rows];
    return rows.map((row) => {
      const at = erased.get(row.record);
      const late =
        at !== undefined && row.occurred_at <= at && row.subscription_type !== 'contact.privacyDeletion';
      return late ? { ...row, event: null, state: 'erased' } : row;
    });
  }
}
