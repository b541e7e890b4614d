import { type Cases, refused } from '../world.ts';
import { count } from './objects.ts';

export const accountCases: Cases = {
  'reads the account': ({ services }) => services.account.get(),
};

export const ownerCases: Cases = {
  'lists owners, and those who have left': async ({ services }) => {
    await count(services.owners.list());
    await count(services.owners.list({ archived: true }));
  },

  'finds an owner by id, user id and address': async ({ services }) => {
    const found = await services.owners.findByEmail('admin@example.com');
    await services.owners.get(found?.id ?? '');
    await services.owners.get(String(found?.userId), 'userId');
    await refused(404, services.owners.get('1'));
  },
};
