import type { Logger } from '../../base/logger.ts';
import type { Db } from '../../db/pool.ts';
import {
  type Portion,
  type SettledDelivery,
  type UnreadableDelivery,
  webhookDeliveriesStore,
} from '../deliveries-store.ts';
import type { WebhookDispatcher } from '../dispatcher.ts';
import { eventIdentity, recordOf, type WebhookEvent } from '../event/event.ts';
import { parseDelivery } from '../event/parse-delivery.ts';
import { type NewWebhookEvent, webhookEventsStore } from '../events-store.ts';
import type { OwnWrites } from '../own-writes/service.ts';
import { withoutErased, withoutMentions } from '../privacy/late-payloads.ts';
import { privacyReceiptsStore } from '../privacy/receipts-store.ts';
import { type LanesAtWork, laneOf, wakeLanes } from './lanes.ts';

/** What a round of splitting did. */
export interface Round {
  readonly deliveries: number;
  readonly ids: readonly [first: number, last: number];
  /** Events in the deliveries, with duplicates. */
  readonly received: number;
  /** Without the duplicates in this portion. */
  readonly events: number;
  /** Without the duplicates of stored events too. */
  readonly added: number;
  /** Those of `events` that have a handler. */
  readonly withHandler: number;
  /** Whether more deliveries may wait. */
  readonly more: boolean;
  /** Lanes that were not woken, because they already run in this process. */
  readonly alreadyRunning: readonly number[];
}

export const NOTHING: Round = {
  deliveries: 0,
  ids: [0, 0],
  received: 0,
  events: 0,
  added: 0,
  withHandler: 0,
  more: false,
  alreadyRunning: [],
};

/** Is notified of the progress of a round. */
export interface Observer {
  /** The portion is read and parsed; it is stored when the promise resolves. */
  taken(size: Round): Promise<void>;
  /** The database has received the events. */
  storing(): void;
}

interface Dependencies {
  triage: WebhookDispatcher['triage'];
  ownWrites: Pick<OwnWrites, 'among'>;
  lanesAtWork: LanesAtWork;
  logger: Logger;
}

export type SplitPortion = ReturnType<typeof createSplitPortion>;

/** Splits a portion of the waiting deliveries in one transaction. */
export function createSplitPortion({ triage, ownWrites, lanesAtWork, logger }: Dependencies) {
  return {
    async split(tx: Db, portion: Portion, observer: Observer): Promise<Round> {
      const { deliveries, bytes, found, settled, unreadable } = await read(tx, portion);
      const own = await ownWrites.among(
        tx,
        [...found.values()].map(({ event }) => event),
      );
      const all = [...found].map(([id, { event, deliveryId }]) =>
        toRow(id, event, own.has(event), deliveryId),
      );
      const size: Round = {
        ...NOTHING,
        deliveries: deliveries.length,
        ids: [deliveries[0] ?? 0, deliveries.at(-1) ?? 0],
        received: settled.reduce((sum, { events }) => sum + events, 0),
        events: found.size,
        more: deliveries.length === portion.limit || bytes >= portion.bytes,
      };
      await observer.taken(size);
      if (deliveries.length === 0) return size;

      await privacyReceiptsStore.blockErasures(tx);
      await markUnreadable(tx, unreadable);
      const rows = await withoutErased(tx, await inOrderOfRecords(tx, all));
      const adding = webhookEventsStore.add(tx, rows);
      observer.storing();
      const added = await adding;
      reportUnhandled(rows);
      if (settled.length > 0) await webhookDeliveriesStore.settle(tx, await withoutMentions(tx, settled));
      const waiting = rows.filter(({ state }) => state === 'waiting');
      const lanes = new Set(waiting.map(({ lane }) => lane));
      const alreadyRunning = [...lanes].filter((lane) => lanesAtWork.has(lane));
      for (const lane of alreadyRunning) lanes.delete(lane);
      await wakeLanes(tx, lanes);
      return { ...size, added, withHandler: waiting.length, alreadyRunning };
    },

    /** Marks the portion's only delivery as unreadable. */
    async setAside(tx: Db, portion: Portion, err: Error): Promise<Round> {
      const [delivery] = await webhookDeliveriesStore.lockWaiting(tx, portion);
      if (!delivery) return NOTHING;
      logger.error(
        { deliveryId: delivery.id, err },
        'a delivery cannot be stored as events; it is kept as rejected',
      );
      await privacyReceiptsStore.blockErasures(tx);
      const { id, body: rest } = delivery;
      await markUnreadable(tx, [{ id, problem: 'the database cannot hold its values', rest }]);
      return { ...NOTHING, deliveries: 1, more: true };
    },
  };

  async function read(tx: Db, portion: Portion) {
    const deliveries = await webhookDeliveriesStore.lockWaiting(tx, portion);
    let bytes = 0;
    const found = new Map<string, { readonly event: WebhookEvent; readonly deliveryId: number }>();
    const settled: SettledDelivery[] = [];
    const unreadable: UnreadableDelivery[] = [];
    for (const { id, body } of deliveries) {
      bytes += body.length;
      const parsed = parseDelivery(body);
      const { events, problem } = parsed;
      if (problem) logger.warn({ deliveryId: id, problem }, 'a delivery holds invalid items; they are kept');
      if (!events) {
        unreadable.push({ id, problem, rest: body });
        continue;
      }
      settled.push({ id, events: events.length, problem, rest: parsed.rest });
      for (const event of events) {
        const identity = eventIdentity(event);
        if (!found.has(identity)) found.set(identity, { event, deliveryId: id });
      }
    }
    return { deliveries: deliveries.map(({ id }) => id), bytes, found, settled, unreadable };
  }

  function toRow(id: string, sent: WebhookEvent, isOwnWrite: boolean, deliveryId: number): NewWebhookEvent {
    const event = isOwnWrite || 'isOwnWrite' in sent ? { ...sent, isOwnWrite } : sent;
    const record = recordOf(event, id);
    const { state, reason = null } = triage(event);
    return {
      id,
      delivery_id: deliveryId,
      portal_id: event.portalId,
      record,
      subscription_type: event.subscriptionType,
      lane: laneOf(record),
      priority: event.changeSource === 'IMPORT' ? 1 : 0,
      occurred_at: event.occurredAt ?? 0,
      // Serialized here, while the database stores the previous round.
      event: JSON.stringify(event),
      state,
      last_error: reason,
    };
  }

  /** Reports each invalid event, and how many events are ignored for which reason. */
  function reportUnhandled(rows: readonly NewWebhookEvent[]): void {
    const counts = new Map<string, number>();
    for (const { state, last_error, id, portal_id, subscription_type } of rows) {
      if (!last_error) continue;
      const about = { eventId: id, portalId: portal_id, subscriptionType: subscription_type };
      if (state === 'dead')
        logger.error({ ...about, reason: last_error }, 'an event is invalid; it is now a dead letter');
      else counts.set(last_error, (counts.get(last_error) ?? 0) + 1);
    }
    for (const [reason, events] of counts) logger.warn({ reason, events }, 'events are stored as ignored');
  }
}

async function markUnreadable(tx: Db, deliveries: readonly UnreadableDelivery[]): Promise<void> {
  for (const delivery of await withoutMentions(tx, deliveries))
    await webhookDeliveriesStore.markUnreadable(tx, delivery);
}

/** Imports have lower priority, except where a record also has other unhandled events: their order matters more. */
async function inOrderOfRecords(tx: Db, rows: readonly NewWebhookEvent[]): Promise<NewWebhookEvent[]> {
  const normal = new Set(rows.filter(({ priority }) => priority === 0).map(({ record }) => record));
  if (normal.size > 0 && (await webhookEventsStore.hasLowPriority(tx))) {
    await webhookEventsStore.promote(tx, [...normal]);
  }
  const imported = rows.filter(({ priority, record }) => priority === 1 && !normal.has(record));
  const stored = await webhookEventsStore.recordsWithNormalPriority(tx, [
    ...new Set(imported.map(({ record }) => record)),
  ]);
  return rows.map((row) =>
    row.priority === 1 && (normal.has(row.record) || stored.has(row.record)) ? { ...row, priority: 0 } : row,
  );
}
