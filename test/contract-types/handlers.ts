import { type AnyWebhookHandler, defineHandler, defineIntegration, type WebhookHandler } from '#app';

/** Samples that `tsc` checks: each bad one has an error that it expects, and a good one beside it. */
const handle = async () => {};
const name = 'sample';

export const good: readonly AnyWebhookHandler[] = [
  defineHandler({ name, on: 'contact.creation', handle }),
  defineHandler({ name, on: 'contact.creation', when: { ownWrites: false, changeSources: ['API'] }, handle }),
  defineHandler({ name, on: 'contact.propertyChange', when: { properties: ['email'] }, handle }),
  defineHandler({ name, on: 'object.creation', when: { objectTypeIds: ['2-7'] }, handle }),
  defineHandler({
    name,
    on: 'object.propertyChange',
    when: { objectTypeIds: ['0-1'], properties: ['email'] },
    handle,
  }),
  defineHandler({ name, on: 'app.installed', handle }),
  defineHandler({ name, on: ['contact.creation', 'contact.deletion'], handle }),
  defineHandler({
    name,
    on: ['contact.creation', 'contact.propertyChange', 'object.creation'],
    when: { properties: ['email'], objectTypeIds: ['0-2'] },
    handle,
  }),
  defineHandler({
    name,
    on: 'contact.creation',
    handle: async ({ objectId }, { log }) => log.info(objectId),
  }),
  // A list that is computed elsewhere.
  defineHandler({
    name,
    on: 'deal.propertyChange',
    when: { properties: ['amount', 'stage'].toSorted() },
    handle,
  }),
];

defineIntegration({ name: 'Samples', scopes: [], handlers: good });

/** In a test beside the handler. */
export const typed: WebhookHandler<'contact.propertyChange', 'email'> = defineHandler({
  name,
  on: 'contact.propertyChange',
  when: { properties: ['email'] },
  handle,
});

// Subscription types.
// @ts-expect-error unknown subscription type
defineHandler({ name, on: 'contact.created', handle });
// @ts-expect-error unknown subscription type in a list
defineHandler({ name, on: ['contact.creation', 'contact.created'], handle });
// @ts-expect-error HubSpot has no such events
defineHandler({ name, on: 'product.associationChange', handle });
// @ts-expect-error HubSpot does not document these events
defineHandler({ name, on: 'event.completed', handle });
// @ts-expect-error without a subscription type
defineHandler({ name, handle });

// Conditions.
// @ts-expect-error HubSpot sends changes of named properties only
defineHandler({ name, on: 'contact.propertyChange', handle });
// @ts-expect-error HubSpot sends changes of named properties only
defineHandler({ name, on: 'contact.propertyChange', when: { ownWrites: false }, handle });
// @ts-expect-error HubSpot sends events of named object types only
defineHandler({ name, on: 'object.creation', handle });
// @ts-expect-error without the object types
defineHandler({ name, on: 'object.propertyChange', when: { properties: ['email'] }, handle });
// @ts-expect-error without the properties
defineHandler({ name, on: 'object.propertyChange', when: { objectTypeIds: ['0-1'] }, handle });
// @ts-expect-error a creation has no property
defineHandler({ name, on: 'contact.creation', when: { properties: ['email'] }, handle });
// @ts-expect-error an event of `contact.*` has no object type
defineHandler({ name, on: 'contact.creation', when: { objectTypeIds: ['0-1'] }, handle });
// @ts-expect-error an install has no change source
defineHandler({ name, on: 'app.installed', when: { changeSources: ['API'] }, handle });
// @ts-expect-error unknown condition
defineHandler({ name, on: 'contact.creation', when: { property: ['email'] }, handle });
// @ts-expect-error leave it out to get own writes too
defineHandler({ name, on: 'contact.creation', when: { ownWrites: true }, handle });
// @ts-expect-error not a list
defineHandler({ name, on: 'contact.propertyChange', when: { properties: 'email' }, handle });
// @ts-expect-error no type of the list has properties
defineHandler({ name, on: ['contact.creation', 'deal.creation'], when: { properties: ['email'] }, handle });
// @ts-expect-error one type of the list needs properties
defineHandler({ name, on: ['contact.creation', 'contact.propertyChange'], handle });

// The function.
// @ts-expect-error not async
defineHandler({ name, on: 'contact.creation', handle: () => {} });
// @ts-expect-error without a function
defineHandler({ name, on: 'contact.creation' });
// @ts-expect-error without a name
defineHandler({ on: 'contact.creation', handle });
// @ts-expect-error expects another event than it gets
defineHandler({ name, on: 'contact.creation', handle: async (event: { messageId: string }) => event });
