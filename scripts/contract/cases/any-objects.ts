import { type Cases, refused } from '../world.ts';
import { count, objectCases } from './objects.ts';

export const anyObjectCases: Cases = {
  ...objectCases(({ objects }) => objects('quotes'), {
    create: { hs_title: '見積', hs_expiration_date: '2027-03-31T00:00:00Z' },
    change: { hs_status: 'DRAFT' },
    toContact: 69,
  }),

  'upserts, reads and merges records of a custom type': async ({ services }) => {
    const machines = services.objects('2-30001');
    const properties = { model: 'Press 3' };
    const inputs = ['M-0002', 'M-0003'].map((id) => ({ id, properties }));
    const [one, other] = await machines.batchUpsert('serial_number', inputs);
    await machines.get('M-0001', ['model'], { idProperty: 'serial_number', associations: ['contacts'] });
    await count(machines.list());
    await machines.merge(one?.result?.id ?? '', other?.result?.id ?? '');
  },

  'is refused a type that the account does not have': ({ services }) =>
    refused(400, services.objects('2-99999').get('1')),
};
