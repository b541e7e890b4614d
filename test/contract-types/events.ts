import {
  type AssociationChangeEvent,
  type ConversationEvent,
  type CreationEvent,
  type DeletionEvent,
  defineHandler,
  type EventOf,
  type HandlerEvent,
  type LifecycleEvent,
  type MergeEvent,
  type ObjectEvent,
  type PrivacyDeletionEvent,
  type PropertyChangeEvent,
  previousValue,
  type RestoreEvent,
  type SubscriptionType,
} from '#app';

/** Samples that `tsc` checks: what a handler may use of the events of each family, and what it may not. */
const name = 'sample';

/** Fails to compile unless the two types are the same: `satisfies` also accepts a narrower one. */
const same = <Expected>() => ({
  as: <Given>(
    _value: Given,
    ..._differ: (<T>() => T extends Given ? 1 : 2) extends <T>() => T extends Expected ? 1 : 2
      ? []
      : ['the types differ']
  ) => {},
});
same<string>().as('a' as string);
// @ts-expect-error the types differ
same<string>().as('a' as string | undefined);
// @ts-expect-error the types differ
same<string | undefined>().as('a' as string);

defineHandler({
  name,
  on: 'contact.propertyChange',
  when: { properties: ['email', 'phone'] },
  async handle(event, { eventId, hubspot, install, sendTimelineEvent, db, attempt, signal }) {
    same<'contact.propertyChange'>().as(event.subscriptionType);
    same<'email' | 'phone'>().as(event.propertyName);
    same<string | null>().as(event.propertyValue);
    same<string>().as(event.objectId);
    same<string>().as(event.portalId);
    same<boolean>().as(event.isOwnWrite);
    same<string | undefined>().as(event.eventId);
    same<string | undefined>().as(event.subscriptionId);
    same<string | undefined>().as(event.appId);
    same<string | undefined>().as(event.sourceId);
    same<string | undefined>().as(event.changeSource);
    same<number | undefined>().as(event.occurredAt);
    same<unknown>().as(event.raw.anythingElse);
    same<string>().as(eventId);
    await hubspot.contacts.get(event.objectId, [event.propertyName]);
    await sendTimelineEvent({ id: eventId, objectId: event.objectId, properties: {} });
    signal.throwIfAborted();
    await db.query('select $1', [attempt, (await install()).has('timeline')]);
    same<string | null | undefined>().as(await previousValue(hubspot, event));
    // @ts-expect-error misspelled
    event.emial;
    // @ts-expect-error unknown fields are under `raw`
    event.anythingElse;
    // @ts-expect-error not one of when.properties
    event.propertyName === 'firstname';
    // @ts-expect-error may be left out by HubSpot
    event.occurredAt.toFixed();
    // @ts-expect-error ids are strings
    event.objectId * 2;
    // @ts-expect-error events are read-only
    event.objectId = '7';
    // @ts-expect-error only a merge has merged objects
    event.mergedObjectIds;
  },
});

defineHandler({
  name,
  on: ['contact.creation', 'company.propertyChange', 'contact.merge'],
  when: { properties: ['city'] },
  async handle(event) {
    same<string>().as(event.portalId);
    // @ts-expect-error a creation and a merge have no property
    event.propertyName;
    // @ts-expect-error an objectId may be missing in a merge
    event.objectId satisfies string;
    switch (event.subscriptionType) {
      case 'contact.creation':
        same<string>().as(event.objectId);
        break;
      case 'company.propertyChange':
        same<'city'>().as(event.propertyName);
        break;
      case 'contact.merge':
        same<readonly string[]>().as(event.mergedObjectIds);
        break;
      default:
        event satisfies never;
    }
    // @ts-expect-error not in the list
    event.subscriptionType === 'contact.deletion';
  },
});

export function families(
  creation: CreationEvent,
  deletion: DeletionEvent,
  restore: RestoreEvent,
  change: PropertyChangeEvent<'amount'>,
  merge: EventOf<'deal.merge'>,
  association: AssociationChangeEvent,
  privacy: PrivacyDeletionEvent,
  message: EventOf<'conversation.newMessage'>,
  lifecycle: LifecycleEvent,
  custom: EventOf<'object.creation'>,
  customMerge: EventOf<'object.merge'>,
) {
  for (const { objectId } of [creation, deletion, restore, privacy, lifecycle]) same<string>().as(objectId);
  same<'amount'>().as(change.propertyName);
  same<string>().as(merge.primaryObjectId);
  same<readonly string[]>().as(merge.mergedObjectIds);
  same<string | undefined>().as(merge.newObjectId);
  same<string>().as(association.fromObjectId);
  same<string>().as(association.toObjectId);
  same<boolean | undefined>().as(association.associationRemoved);
  same<string>().as(message.messageId);
  same<string | undefined>().as(message.messageType);
  same<'app.installed' | 'app.uninstalled'>().as(lifecycle.subscriptionType);
  same<string>().as(custom.objectTypeId);
  same<string>().as(customMerge.objectTypeId);
  same<string | undefined>().as(customMerge.primaryObjectId);
  [creation, merge, association, custom, message] satisfies HandlerEvent[];
  [custom, customMerge] satisfies ObjectEvent[];
  [message] satisfies ConversationEvent[];
  [merge] satisfies MergeEvent[];
  ['contact.creation', 'app.uninstalled'] satisfies SubscriptionType[];
  // @ts-expect-error an association has no objectId
  association.objectId;
  // @ts-expect-error only events of `object.*` have an object type
  lifecycle.objectTypeId;
  // @ts-expect-error HubSpot does not document it
  customMerge.mergedObjectIds satisfies readonly string[];
  // @ts-expect-error the types are another family's
  creation satisfies DeletionEvent;
}
