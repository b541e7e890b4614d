import { type Cases, refused } from '../world.ts';
import { count, expectFailures } from './objects.ts';

const jane = { type: 'contacts', id: '101' };
const priya = { type: 'contacts', id: '105' };
const example = { type: 'companies', id: '301' };
const sample = { type: 'companies', id: '302' };
const plain = [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 279 }] as const;

export const associationCases: Cases = {
  'associates two records, with a label and without, and ends that': async ({ services }) => {
    await services.associations.createDefault(jane, sample);
    await services.associations.create(jane, sample, plain);
    await count(services.associations.list(jane, 'companies'));
    await services.associations.delete(jane, sample);
  },

  'asks for the associations of a record that is not there': ({ services }) =>
    refused(404, count(services.associations.list({ type: 'contacts', id: '999999' }, 'companies'))),

  'writes and reads in batches, in which single inputs fail': async ({ services }) => {
    const pairs = [{ from: priya.id, to: sample.id, types: plain }];
    const lost = { from: '999999', to: sample.id };
    const { associations } = services;
    expectFailures(await associations.batchCreate('contacts', 'companies', pairs), 0);
    expectFailures(await associations.batchCreate('contacts', 'companies', [{ ...lost, types: plain }]), 1);
    expectFailures(await associations.batchCreateDefault('contacts', 'companies', pairs), 0);
    expectFailures(await associations.batchCreateDefault('contacts', 'companies', [lost]), 1);
    await associations.batchRead('contacts', 'companies', [priya.id]);
    await associations.batchRead('contacts', 'companies', [priya.id, '104']);
    expectFailures(await associations.batchDeleteLabels('contacts', 'companies', pairs), 0);
    expectFailures(await associations.batchDelete('contacts', 'companies', pairs), 0);
  },

  'sets, changes and takes away the limit of a kind of association': async ({ services }) => {
    const { limits } = services.associations;
    const kind = { category: 'HUBSPOT_DEFINED', typeId: 279 };
    expectFailures(await limits.create('contacts', 'companies', [{ ...kind, maxToObjectIds: 5 }]), 0);
    expectFailures(await limits.update('contacts', 'companies', [{ ...kind, maxToObjectIds: 6 }]), 0);
    expectFailures(
      await limits.create('contacts', 'companies', [{ ...kind, typeId: 999_999, maxToObjectIds: 5 }]),
      1,
    );
    await limits.list('contacts', 'companies');
    await limits.listAll();
    expectFailures(await limits.delete('contacts', 'companies', [kind]), 0);
  },

  'defines, renames and deletes a label': async ({ services }) => {
    const { labels } = services.associations;
    const names = { name: 'advisor', label: 'Advisor', inverseLabel: 'Advised by' };
    const [made] = await labels.create('contacts', 'companies', names);
    const associationTypeId = made?.typeId ?? 0;
    const own = [{ associationCategory: 'USER_DEFINED', associationTypeId } as const];
    await services.associations.create(jane, example, own);
    await labels.list('contacts', 'companies');
    await labels.rename('contacts', 'companies', { associationTypeId, label: 'Counsel' });
    await labels.delete('contacts', 'companies', associationTypeId);
  },
};
