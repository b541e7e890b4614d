import { cardAnswer, defineCard } from '#app';

const answer = { results: [] };

/** What the compiler accepts of a card, and what it refuses. `npm run typecheck` checks this file; nothing runs it. */
export const orders = defineCard({
  name: 'orders',
  title: 'Orders',
  objectTypes: ['CONTACT', 'DEAL'],
  async render({ objectId }, { actionUrl, pageUrl, hubspot }) {
    await hubspot.contacts.get(objectId);
    pageUrl() satisfies string;
    actionUrl('remind');
    // @ts-expect-error the card has no such action
    actionUrl('refund');
    return answer;
  },
  actions: {
    async remind({ userEmail }, { enqueue }) {
      enqueue satisfies unknown;
      return { message: `Reminded ${userEmail}` };
    },
    // @ts-expect-error an action answers with a message
    async cancel() {},
  },
  async page({ objectId }) {
    return { view: 'order', data: { objectId } };
  },
});

defineCard({
  name: 'plain',
  title: 'Plain',
  objectTypes: ['CONTACT'],
  async render(_request, { actionUrl }) {
    // @ts-expect-error the card has no actions
    actionUrl('remind');
    return answer;
  },
});

const render = async () => answer;
// @ts-expect-error it has no name
defineCard({ title: 'Orders', objectTypes: ['CONTACT'], render });
// @ts-expect-error it has no title
defineCard({ name: 'orders', objectTypes: ['CONTACT'], render });
// @ts-expect-error it would be shown nowhere
defineCard({ name: 'orders', title: 'Orders', objectTypes: [], render });
// @ts-expect-error it has no render
defineCard({ name: 'orders', title: 'Orders', objectTypes: ['CONTACT'] });
// @ts-expect-error its page names no view
defineCard({ name: 'orders', title: 'Orders', objectTypes: ['CONTACT'], render, page: async () => ({}) });

const record = { objectId: 1, title: 'Order', link: null };
cardAnswer({
  results: [
    {
      ...record,
      properties: [
        { label: 'Total', dataType: 'CURRENCY', value: 12, currencyCode: 'EUR' },
        { label: 'State', dataType: 'STATUS', value: 'open', optionType: 'INFO' },
        // @ts-expect-error HubSpot knows no such data type
        { label: 'Note', dataType: 'TEXT', value: 'fragile' },
        // @ts-expect-error a currency needs its code
        { label: 'Tax', dataType: 'CURRENCY', value: 12 },
      ],
    },
  ],
});
