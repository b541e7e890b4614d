import { type Cases, refused } from '../world.ts';
import { objectCases } from './objects.ts';

export const contactCases: Cases = {
  ...objectCases('contacts', {
    create: { lastname: 'テスト' },
    change: { firstname: '人' },
    unique: { property: 'email', values: ['one@example.com', 'two@example.com'] },
    toContact: 449,
  }),

  'reads a contact by id, with values that are null': ({ services }) =>
    services.contacts.get('101', ['email', 'firstname', 'website']),

  'reads and changes a contact by address': async ({ services }) => {
    await services.contacts.getByEmail('priya+crm@example.com');
    await services.contacts.updateByEmail('priya+crm@example.com', { firstname: 'Priya' });
  },

  'creates a contact, then updates it': async ({ services }) => {
    await services.contacts.createOrUpdate('new.person@example.com', { firstname: 'New', lastname: '人' });
    await services.contacts.createOrUpdate('new.person@example.com', { firstname: '' });
  },

  'is refused a second contact with the same address': ({ services }) =>
    refused(409, services.contacts.create({ email: 'jane@example.com' })),

  'merges two contacts': ({ services }) => services.contacts.merge('101', '102'),

  'erases a contact, by id and by address': async ({ services }) => {
    await services.contacts.gdprDelete('103');
    await services.contacts.gdprDelete('priya+crm@example.com', 'email');
  },
};
