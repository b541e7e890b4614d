import type { Db } from '../../db/pool.ts';
import type { SettledDelivery, UnreadableDelivery } from '../deliveries-store.ts';
import { contactsOfAssociation, isAssociationChange, PRIVACY_DELETION, recordKey } from '../event/event.ts';
import type { NewWebhookEvent } from '../events-store.ts';
import { privacyReceiptsStore } from './receipts-store.ts';

/** Removes the payloads of events from before the erasure of their contact. */
export async function withoutErased(tx: Db, rows: readonly NewWebhookEvent[]): Promise<NewWebhookEvent[]> {
  if (!(await privacyReceiptsStore.hasAny(tx))) return [...rows];
  const erased = await privacyReceiptsStore.erasedAt(tx, [...new Set(rows.flatMap(recordsOf))]);
  if (erased.size === 0) return [...rows];
  return rows.map((row) => {
    const isLate =
      row.subscription_type !== PRIVACY_DELETION &&
      recordsOf(row).some((record) => row.occurred_at <= (erased.get(record) ?? -Infinity));
    return isLate ? { ...row, event: null, state: 'erased', last_error: null } : row;
  });
}

/** Removes invalid items that mention an erased contact. They carry no time, so all of them may be from before. */
export async function withoutMentions<Delivery extends SettledDelivery | UnreadableDelivery>(
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

/** The event's record, and the contacts at both ends of an association. */
const recordsOf = ({ record, event, portal_id, subscription_type }: NewWebhookEvent): string[] => [
  record,
  ...(event && isAssociationChange(subscription_type) ? contactsOfAssociation(JSON.parse(event)) : []).map(
    (id) => recordKey(portal_id, 'contact', id),
  ),
];
