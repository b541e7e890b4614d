import { defineCard, defineIntegration, type Scope } from '#app';

const card = defineCard({
  name: 'orders',
  title: 'Orders',
  objectTypes: ['CONTACT'],
  render: async () => ({ results: [] }),
  actions: { remind: async () => ({ message: 'Reminded' }) },
});

/** What the compiler accepts of a definition, and what it refuses. `npm run typecheck` checks this file; nothing runs it. */
defineIntegration({ name: 'My app', scopes: ['oauth'] });
defineIntegration({
  name: 'My app',
  scopes: ['oauth', 'crm.objects.contacts.read', 'a.scope.that.is.new'],
  optionalScopes: ['tickets'],
  cards: [card],
  partnerSignIn: { authenticate: async ({ user }) => user },
});

'crm.objects.contacts.read' satisfies Scope;

// @ts-expect-error it has no name
defineIntegration({ scopes: ['oauth'] });
// @ts-expect-error it asks for no scopes
defineIntegration({ name: 'My app' });
// @ts-expect-error scopes are text
defineIntegration({ name: 'My app', scopes: [1] });
// @ts-expect-error there is no such part
defineIntegration({ name: 'My app', scopes: ['oauth'], handler: [] });
// @ts-expect-error a card is an object
defineIntegration({ name: 'My app', scopes: ['oauth'], cards: ['orders'] });
