import { type Cases, refused } from '../world.ts';

export const contactCases: Cases = {
  'reads a contact by id, with values that are null': ({ services }) =>
    services.contacts.get('101', ['email', 'firstname', 'website']),

  'reads a contact by address': ({ services }) => services.contacts.getByEmail('priya+crm@example.com'),

  'asks for a contact that is not there': ({ services }) => refused(404, services.contacts.get('999999')),

  'creates a contact, then updates it': async ({ services }) => {
    await services.contacts.createOrUpdate('new.person@example.com', { firstname: 'New', lastname: '人' });
    await services.contacts.createOrUpdate('new.person@example.com', { firstname: '' });
  },

  'is refused a property that does not exist': ({ services }) =>
    refused(400, services.contacts.createOrUpdate('new.person@example.com', { no_such_property: '1' })),
};
