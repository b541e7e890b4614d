import type { Card } from './card.ts';

/** Example card: what the app knows of the contact, and a button that opens the app's page. */
export const contactOverview: Card = {
  name: 'contact-overview',

  async render({ objectId }, { hubspot, pageUrl }) {
    const { id, properties } = await hubspot.contacts.get(objectId);
    const name = [properties.firstname, properties.lastname].filter(Boolean).join(' ');
    const stage = properties.lifecyclestage;
    return {
      results: [
        {
          objectId: Number(id),
          title: name || properties.email || `Contact ${id}`,
          link: null,
          properties: [
            ...(properties.email
              ? [{ label: 'Email', dataType: 'EMAIL' as const, value: properties.email }]
              : []),
            {
              label: 'Lifecycle stage',
              dataType: 'STATUS',
              value: stage || 'none',
              optionType: stage === 'customer' ? 'SUCCESS' : stage ? 'INFO' : 'DEFAULT',
            },
          ],
        },
      ],
      primaryAction: {
        type: 'IFRAME',
        width: 890,
        height: 748,
        uri: pageUrl(),
        label: 'Open in app',
        associatedObjectProperties: ['email'],
      },
    };
  },
};
