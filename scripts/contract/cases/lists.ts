import { type Cases, refused } from '../world.ts';
import { count } from './objects.ts';

export const listCases: Cases = {
  'finds lists, one by its id and one by its name': async ({ services: { lists } }) => {
    await count(lists.list({ query: 'news', type: 'contacts', processingTypes: ['MANUAL'] }));
    await lists.get('13', { filters: true });
    await lists.getByName('contacts', 'Newsletter');
    await refused(404, lists.get('999999'));
  },

  'changes and reads who is in a list': async ({ services: { lists } }) => {
    await lists.add('11', ['103', '999999']);
    await count(lists.members('11'));
    await lists.membershipsOf({ type: 'contacts', id: '103' });
    await lists.remove('11', ['103']);
    await refused(400, lists.add('13', ['103']));
  },
};
