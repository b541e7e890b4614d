import type { Logger } from '../../base/logger.ts';
import { isDataException } from '../../db/errors.ts';
import type { Db, Pool } from '../../db/pool.ts';
import { inTransaction } from '../../db/transaction.ts';
import {
  type Portion,
  type RejectedDelivery,
  type SettledDelivery,
  webhookDeliveriesStore,
} from '../deliveries-store.ts';
import type { WebhookDispatcher } from '../dispatcher.ts';
import {
  contactsOfAssociation,
  eventIdentity,
  isAssociationChange,
  PRIVACY_DELETION,
  recordKey,
  recordOf,
  type WebhookEvent,
} from '../event/event.ts';
import { parseDelivery } from '../event/parse-delivery.ts';
import { type NewWebhookEvent, webhookEventsStore } from '../events-store.ts';
import type { OwnWrites } from '../own-writes/service.ts';
import { privacyReceiptsStore } from '../privacy/receipts-store.ts';
import { type LanesAtWork, laneOf, wakeLanes, wakeSplitter } from './lanes.ts';

/** A round ends at whichever comes first; they bound its memory and the length of its transaction. */
const MOST_DELIVERIES = 2_000;
const MOST_EVENTS = 2_000;
const MOST_BYTES = 4 * 1024 * 1024;
/** Large deliveries hold a hundred events; where they turn out to be small, more are taken at once. */
const FIRST_DELIVERIES = MOST_EVENTS / 100;

interface Round {
  readonly deliveries: number;
  /** The first and the last. */
  readonly ids: readonly [first: number, last: number];
  readonly events: number;
  /** Whether others may wait. */
  readonly more: boolean;
  /** Lanes that were not woken, as this process works them. */
  readonly counted: readonly number[];
}

/** Who hears how a round gets on. */
interface Observer {
  /** It holds this; it is stored when the promise resolves. */
  taken(size: Round): Promise<void>;
  /** The database has got its events and is busy with them. */
  storing(): void;
}

const INVALID = 'an event is invalid; it is now a dead letter';

const NOTHING: Round = { deliveries: 0, ids: [0, 0], events: 0, more: false, counted: [] };

interface Dependencies {
  pool: Pool;
  triage: WebhookDispatcher['triage'];
  ownWrites: Pick<OwnWrites, 'among'>;
  lanesAtWork: LanesAtWork;
  logger: Logger;
}

/** Splits stored deliveries into events and hands them to their lanes. */
export function createWebhookSplitter({ pool, triage, ownWrites, lanesAtWork, logger }: Dependencies) {
  let underWay: Promise<void> | undefined;
  let again = false;

  return {
    /** Splits until nothing waits, or `stopping` says so. */
    splitWaiting(stopping: () => boolean): Promise<void> {
      // Two at once would store later deliveries before earlier ones; the queue's lock is lost to who is taken for dead.
      if (underWay) again = true;
      underWay ??= splitAll(stopping).finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
  };

  async function splitAll(stopping: () => boolean): Promise<void> {
    do {
      again = false;
      await splitInRounds(stopping);
    } while (again && !stopping());
    if (again) await wakeSplitter(pool);
  }

  /** A round is taken and parsed while the one before is being stored; they are stored in their order. */
  async function splitInRounds(stopping: () => boolean): Promise<void> {
    let portion: Portion = { limit: FIRST_DELIVERIES, bytes: MOST_BYTES, except: NOTHING.ids };
    let before: Promise<Round> = Promise.resolve({ ...NOTHING, more: true });
    for (;;) {
      const { taken, storing, stored } = beginRound(portion, before);
      const [size] = await Promise.allSettled([taken, before]);
      // Whatever failed: nothing may be under way any more when this ends, or the next run would overtake it.
      if (size.status === 'rejected') throw await failureOf([before, stored]);
      const { deliveries, ids, events, more } = size.value;
      await before.catch(async () => {
        throw await failureOf([before, stored]);
      });
      before = stored;
      if (!more && !(await stored).more) return;
      if (stopping()) {
        await stored;
        return wakeSplitter(pool);
      }
      const eventsEach = Math.max(1, events / Math.max(1, deliveries));
      const limit = Math.max(1, Math.min(MOST_DELIVERIES, Math.floor(MOST_EVENTS / eventsEach)));
      portion = { ...portion, limit, except: ids };
      // Sooner, its parsing would keep this round's small questions to the database waiting.
      await storing;
    }
  }

  /**
   * Begins to split some deliveries.
   * @returns `taken`, what they hold; `storing`, when it is the database's turn, which comes after the round `before`;
   * `stored`, when it is committed.
   */
  function beginRound(portion: Portion, before: Promise<unknown>) {
    const { promise: taken, resolve, reject } = Promise.withResolvers<Round>();
    const { promise: storing, resolve: isStoring } = Promise.withResolvers<void>();
    const observer = {
      async taken(size: Round) {
        resolve(size);
        await before;
      },
      storing: isStoring,
    };
    const stored = lanesAtWork.split(async () => {
      const round = await splitOrReject(portion, observer);
      // A lane that was counted on may have stopped before the commit, and its successor found nothing.
      await wakeLanes(
        pool,
        round.counted.filter((lane) => !lanesAtWork.has(lane)),
      );
      return round;
    });
    stored.catch(reject).finally(isStoring);
    return { taken, storing, stored };
  }

  /** A delivery that the database cannot hold must not stand in the way of the others: it is found and set aside. */
  async function splitOrReject(portion: Portion, observer: Observer): Promise<Round> {
    try {
      return await inTransaction(pool, (tx) => splitSome(tx, portion, observer));
    } catch (error) {
      if (!isDataException(error)) throw error;
      if (portion.limit > 1) return splitOneByOne(portion, observer);
      return inTransaction(pool, (tx) => setAside(tx, portion, error));
    }
  }

  /** All of them, as the next round, which holds the deliveries after these, waits for it. */
  async function splitOneByOne(portion: Portion, observer: Observer): Promise<Round> {
    let sum = { ...NOTHING, more: true };
    while (sum.more && sum.deliveries < portion.limit) {
      const one = await splitOrReject({ ...portion, limit: 1 }, observer);
      sum = {
        ...sum,
        deliveries: sum.deliveries + one.deliveries,
        events: sum.events + one.events,
        more: one.more,
        counted: [...sum.counted, ...one.counted],
      };
    }
    return sum;
  }

  async function setAside(tx: Db, portion: Portion, err: Error): Promise<Round> {
    const [delivery] = await webhookDeliveriesStore.lockWaiting(tx, portion);
    if (!delivery) return NOTHING;
    logger.error({ deliveryId: delivery.id, err }, 'a delivery cannot be split; it is set aside as rejected');
    await privacyReceiptsStore.holdOffErasures(tx);
    const { id, body: rest } = delivery;
    await reject(tx, [{ id, problem: 'the database cannot hold its values', rest }]);
    return { ...NOTHING, deliveries: 1, more: true };
  }

  async function splitSome(tx: Db, portion: Portion, observer: Observer): Promise<Round> {
    const deliveries = await webhookDeliveriesStore.lockWaiting(tx, portion);
    let bytes = 0;
    const found = new Map<string, { readonly event: WebhookEvent; readonly deliveryId: number }>();
    const settled: SettledDelivery[] = [];
    const rejected: RejectedDelivery[] = [];
    for (const { id, body } of deliveries) {
      bytes += body.length;
      const parsed = parseDelivery(body);
      const { events, problem } = parsed;
      if (problem) logger.warn({ deliveryId: id, problem }, 'a delivery holds what is not an event');
      if (!events) {
        rejected.push({ id, problem, rest: body });
        continue;
      }
      settled.push({ id, events: events.length, problem, rest: parsed.rest });
      for (const event of events) {
        const identity = eventIdentity(event);
        if (!found.has(identity)) found.set(identity, { event, deliveryId: id });
      }
    }
    const own = await ownWrites.among(
      tx,
      [...found.values()].map(({ event }) => event),
    );
    const all = [...found].map(([id, { event, deliveryId }]) => toRow(id, event, own.has(event), deliveryId));
    const size: Round = {
      deliveries: deliveries.length,
      ids: [deliveries[0]?.id ?? 0, deliveries.at(-1)?.id ?? 0],
      events: found.size,
      more: deliveries.length === portion.limit || bytes >= portion.bytes,
      counted: [],
    };
    await observer.taken(size);
    if (deliveries.length === 0) return size;

    await privacyReceiptsStore.holdOffErasures(tx);
    await reject(tx, rejected);
    const rows = await leaveOutErased(tx, await keepRecordsTogether(tx, all));
    const added = webhookEventsStore.add(tx, rows);
    observer.storing();
    await added;
    report(rows);
    if (settled.length > 0) await webhookDeliveriesStore.settle(tx, await leaveOutMentions(tx, settled));
    const lanes = new Set<number>();
    for (const { state, lane } of rows) if (state === 'waiting') lanes.add(lane);
    const counted = [...lanes].filter((lane) => lanesAtWork.has(lane));
    for (const lane of counted) lanes.delete(lane);
    await wakeLanes(tx, lanes);
    return { ...size, counted };
  }

  /** What is not handled for a reason: each invalid event, and how many others. */
  function report(rows: readonly NewWebhookEvent[]): void {
    const counts = new Map<string, number>();
    for (const { state, last_error, id, portal_id, subscription_type } of rows) {
      if (!last_error) continue;
      const about = { eventId: id, portalId: portal_id, subscriptionType: subscription_type };
      if (state === 'dead') logger.error({ ...about, reason: last_error }, INVALID);
      else counts.set(last_error, (counts.get(last_error) ?? 0) + 1);
    }
    for (const [reason, events] of counts) logger.warn({ reason, events }, 'events are stored as ignored');
  }

  async function reject(tx: Db, rejected: readonly RejectedDelivery[]): Promise<void> {
    for (const delivery of await leaveOutMentions(tx, rejected))
      await webhookDeliveriesStore.reject(tx, delivery);
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
      // Now, while the database is busy with the round before.
      event: JSON.stringify(event),
      state,
      last_error: reason,
    };
  }

  /** Imports stand back, but never behind a later event of their own record. */
  async function keepRecordsTogether(tx: Db, rows: readonly NewWebhookEvent[]): Promise<NewWebhookEvent[]> {
    const inFront = new Set(rows.filter(({ priority }) => priority === 0).map(({ record }) => record));
    if (inFront.size > 0 && (await webhookEventsStore.hasImports(tx))) {
      await webhookEventsStore.bringForward(tx, [...inFront]);
    }
    const imported = rows.filter(({ priority, record }) => priority === 1 && !inFront.has(record));
    const others = await webhookEventsStore.recordsInFrontLane(tx, [
      ...new Set(imported.map(({ record }) => record)),
    ]);
    const forward = (row: NewWebhookEvent) => inFront.has(row.record) || others.has(row.record);
    return rows.map((row) => (row.priority === 1 && forward(row) ? { ...row, priority: 0 } : row));
  }

  /** A person's late events are not stored again after the person's data was deleted. */
  async function leaveOutErased(tx: Db, rows: readonly NewWebhookEvent[]): Promise<NewWebhookEvent[]> {
    if (!(await privacyReceiptsStore.hasAny(tx))) return [...rows];
    const erased = await privacyReceiptsStore.erasedAt(tx, [...new Set(rows.flatMap(recordsOf))]);
    if (erased.size === 0) return [...rows];
    return rows.map((row) => {
      const late =
        row.subscription_type !== PRIVACY_DELETION &&
        recordsOf(row).some((record) => row.occurred_at <= (erased.get(record) ?? -Infinity));
      return late ? { ...row, event: null, state: 'erased', last_error: null } : row;
    });
  }

  /** What is no event is not kept where it names a person whose data was deleted: it tells no time of its own. */
  async function leaveOutMentions<Delivery extends SettledDelivery | RejectedDelivery>(
    tx: Db,
    deliveries: readonly Delivery[],
  ): Promise<Delivery[]> {
    const kept = deliveries.flatMap(({ id, rest }) => (rest ? [{ id, rest }] : []));
    if (kept.length === 0 || !(await privacyReceiptsStore.hasAny(tx))) return [...deliveries];
    const mentioned = await privacyReceiptsStore.mentionedIn(
      tx,
      kept.map(({ rest }) => rest),
    );
    const erased = new Set(kept.filter((_, index) => mentioned[index]).map(({ id }) => id));
    return deliveries.map((delivery) =>
      erased.has(delivery.id)
        ? { ...delivery, rest: undefined, problem: `${delivery.problem} (erased)` }
        : delivery,
    );
  }
}

/** The event's record, and the contacts of an association, whichever record it is told from. */
const recordsOf = ({ record, event, portal_id, subscription_type }: NewWebhookEvent): string[] => [
  record,
  ...(event && isAssociationChange(subscription_type) ? contactsOfAssociation(JSON.parse(event)) : []).map(
    (id) => recordKey(portal_id, 'contact', id),
  ),
];

/** The first failure of these, once all have ended. */
async function failureOf(rounds: readonly Promise<unknown>[]): Promise<unknown> {
  const ended = await Promise.allSettled(rounds);
  return ended.find((round) => round.status === 'rejected')?.reason;
}
