import type { Card } from '#app';

/**
 * Example card: what the app knows of the contact, a button that opens the app's page, and one that changes the
 * contact.
 */
export const contactOverview: Card = {
  name: 'contact-overview',
  objectTypes: ['CONTACT'],

  async render({ objectId }, { hubspot, install, pageUrl, actionUrl }) {
    const { id, properties } = await hubspot.contacts.get(objectId);
    const mayChange = (await install()).has('crm.objects.contacts.write');
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
      ...(mayChange &&
        stage !== 'customer' && {
          secondaryActions: [
            {
              type: 'CONFIRMATION_ACTION_HOOK',
              httpMethod: 'POST',
              uri: actionUrl('make-customer'),
              label: 'Make customer',
              associatedObjectProperties: [],
              confirmationMessage: `Set the lifecycle stage of ${name || properties.email || 'this contact'} to customer?`,
              confirmButtonText: 'Make customer',
              cancelButtonText: 'Cancel',
            },
          ],
        }),
    };
  },

  actions: {
    'make-customer': async ({ objectId }, { hubspot }) => {
      await hubspot.contacts.update(objectId, { lifecyclestage: 'customer' });
      return { message: 'The contact is a customer now.' };
    },
  },
};
