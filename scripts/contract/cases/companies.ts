import type { Cases } from '../world.ts';
import { objectCases } from './objects.ts';

export const companyCases: Cases = {
  ...objectCases('companies', {
    create: { name: '株式会社テスト', domain: 'test.example' },
    change: { city: '東京' },
    toContact: 280,
  }),

  'finds companies by domain': ({ services }) => services.companies.findByDomain('Example.com'),

  'merges two companies': ({ services }) => services.companies.merge('301', '302'),
};
