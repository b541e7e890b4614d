import { findObjectType } from '../state/object-types.ts';
import type { Subscription } from '../state/project.ts';
import type { RecordChange } from '../state/record.ts';

/** One event in a delivery's JSON array. */
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

/** The types whose older subscriptions report only associations with each other. */
const olderTypes = ['contact', 'company', 'deal', 'ticket'];

/** The events of a change of a record: one per matching active subscription. */
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
      ...subjectOf(change, isGeneric(subscriptionType)),
      changeSource: change.changeSource,
      sourceId: change.sourceId,
      ...change.details,
      ...(isGeneric(subscriptionType) ? change.genericDetails : {}),
    }));
}

/** An association has two records and therefore no `objectId`. */
function subjectOf({ kind, objectId, type }: RecordChange, generic: boolean) {
  if (kind === 'associationChange') return {};
  return { objectId: Number(objectId), ...(generic ? { objectTypeId: type.id } : {}) };
}

function asksFor(
  { active, subscriptionType, objectType, propertyName }: Subscription,
  change: RecordChange,
): boolean {
  const [subject, wanted] = subscriptionType.split('.');
  if (!active || wanted !== change.kind) return false;
  const sameType = isGeneric(subscriptionType)
    ? (findObjectType(objectType ?? '')?.id ?? objectType) === change.type.id
    : subject === change.type.singular && isOlder(change);
  return sameType && (change.kind !== 'propertyChange' || propertyName === change.details.propertyName);
}

function isGeneric(subscriptionType: string): boolean {
  return subscriptionType.startsWith('object.');
}

function isOlder({ otherType, genericDetails }: RecordChange): boolean {
  if (!otherType) return true;
  return olderTypes.includes(otherType.singular) && genericDetails?.associationCategory === 'HUBSPOT_DEFINED';
}
