import type { Cases } from '../world.ts';
import { objectCases } from './objects.ts';

export const companyCases: Cases = {
  ...objectCases('companies', {
    create: { name: '株式会社テスト', domain: 'test.example' },
    change: { city: '東京' },
    toContact: 280,
  }),

  'finds companies by domain': ({ services }) => services.companies.findByDomain('Example.com'),

  'creates a company by domain, then updates it': async ({ services }) => {
    await services.companies.createOrUpdateByDomain('https://www.New.example/', { name: 'New' });
    await services.companies.createOrUpdateByDomain('new.example', { city: '東京' });
    await services.companies.batchUpsert('domain', [
      { id: 'new.example', properties: { city: '大阪' } },
      { id: 'newer.example', properties: {} },
    ]);
  },

  'merges two companies': ({ services }) => services.companies.merge('301', '302'),
};
