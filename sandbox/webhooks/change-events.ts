import type { Subscription } from '../state/project.ts';
import type { RecordChange } from '../state/records.ts';

/** One event as it stands in a delivery's JSON array. */
export interface WebhookEvent {
  eventId: number;
  subscriptionId: number;
  portalId: number;
  appId: number;
  occurredAt: number;
  subscriptionType: string;
  attemptNumber: number;
  changeSource: string;
  [field: string]: unknown;
}

/** The events that a change of a record causes: one for each active subscription that asks for it. */
export function changeEvents(
  change: RecordChange,
  subscriptions: readonly Subscription[],
  appId: number,
  newEventId: () => number,
): WebhookEvent[] {
  return subscriptions
    .filter((subscription) => asksFor(subscription, change))
    .map(({ subscriptionId, subscriptionType }) => ({
      eventId: newEventId(),
      subscriptionId,
      portalId: change.portalId,
      appId,
      occurredAt: change.occurredAt,
      subscriptionType,
      attemptNumber: 0,
      objectId: Number(change.objectId),
      ...(subscriptionType.startsWith('object.') ? { objectTypeId: change.type.id } : {}),
      changeSource: change.changeSource,
      sourceId: change.sourceId,
      ...change.details,
    }));
}

function asksFor(subscription: Subscription, { kind, type, details }: RecordChange): boolean {
  if (!subscription.active) return false;
  const [subject, wanted] = subscription.subscriptionType.split('.');
  if (wanted !== kind) return false;
  const sameType =
    subject === 'object'
      ? subscription.objectType === type.singular || subscription.objectType === type.id
      : subject === type.singular;
  return sameType && (kind !== 'propertyChange' || subscription.propertyName === details.propertyName);
}
