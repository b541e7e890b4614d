import { cardAnswer, defineCard } from '#app';
import { welcomeCustomer } from '../jobs/welcome-customer.ts';

/** Example card: facts about the contact, a button that opens the app's page, and one that changes the contact. */
export const contactOverview = defineCard({
  name: 'contact-overview',
  title: 'Contact',
  objectTypes: ['CONTACT'],

  async render({ objectId }, { hubspot, install, pageUrl, actionUrl }) {
    const { id, properties } = await hubspot.contacts.get(objectId);
    const mayChange = (await install()).has('crm.objects.contacts.write');
    const name = nameOf(properties);
    const stage = properties.lifecyclestage;
    return cardAnswer({
      results: [
        {
          objectId: Number(id),
          title: name || `Contact ${id}`,
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
              confirmationMessage: `Set the lifecycle stage of ${name || 'this contact'} to customer?`,
              confirmButtonText: 'Make customer',
              cancelButtonText: 'Cancel',
            },
          ],
        }),
    });
  },

  actions: {
    'make-customer': async ({ portalId, objectId }, { hubspot, enqueue }) => {
      await hubspot.contacts.update(objectId, { lifecyclestage: 'customer' });
      await enqueue(welcomeCustomer, { portalId, contactId: objectId });
      return { message: 'The contact is a customer now.' };
    },
  },

  async page({ objectId }, { hubspot, install }) {
    const { id, properties } = await hubspot.contacts.get(objectId);
    return {
      view: 'contact-page',
      title: nameOf(properties) || `Contact ${id}`,
      data: {
        email: properties.email,
        install: await install(),
        facts: [
          { label: 'Phone', value: properties.phone },
          { label: 'Company', value: properties.company },
          { label: 'Lifecycle stage', value: properties.lifecyclestage },
          { label: 'Record', value: id },
        ],
      },
    };
  },
});

const nameOf = ({ firstname, lastname, email }: Record<string, string | null>) =>
  [firstname, lastname].filter(Boolean).join(' ') || email;
