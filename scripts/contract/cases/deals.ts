import type { Cases } from '../world.ts';
import { objectCases } from './objects.ts';

export const dealCases: Cases = {
  ...objectCases('deals', {
    create: { dealname: '新しい取引', pipeline: 'default', dealstage: 'contractsent' },
    change: { amount: '30000' },
    toContact: 3,
  }),

  'creates a deal in a stage given by name': async ({ services }) => {
    const stage = await services.deals.inStage('Contract Sent', 'Sales Pipeline');
    await services.deals.create({ dealname: 'Named', ...stage });
  },

  'merges two deals': ({ services }) => services.deals.merge('401', '402'),
};
