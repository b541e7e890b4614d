import type { CrmObjects } from '../../../app/hubspot/apis/objects.ts';
import type { BatchOutcome } from '../../../app/hubspot/client/batch.ts';
import { type Cases, refused, type Services } from '../world.ts';

type ObjectArea = {
  [Name in keyof Services]: Services[Name] extends CrmObjects ? Name : never;
}[keyof Services];

interface Example {
  /** The properties that are required to create a record. */
  readonly create: Readonly<Record<string, string>>;
  readonly change: Readonly<Record<string, string>>;
  /** For types with a unique property. */
  readonly unique?: { readonly property: string; readonly values: readonly [string, string] };
  /** A kind of association with contact 101. */
  readonly toContact: number;
  /** Deleted records do not go to the recycle bin. */
  readonly deletedForGood?: true;
}

/** The cases for every type of records. */
export function objectCases(
  area: ObjectArea | ((services: Services) => CrmObjects),
  example: Example,
): Cases {
  const records = (services: Services) => (typeof area === 'function' ? area(services) : services[area]);
  const { create, change, unique, toContact, deletedForGood } = example;
  const [property = '', value = ''] = Object.entries(create)[0] ?? [];
  const first = async ({ services }: { services: Services }) => {
    const { id } = await records(services).create(create);
    return id;
  };

  return {
    'creates, reads, changes and archives a record': async ({ services }) => {
      const types = [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: toContact } as const];
      const { id } = await records(services).create(create, [{ to: { id: '101' }, types }]);
      await records(services).get(id, [property, 'hs_object_id'], {
        associations: ['contacts'],
        propertiesWithHistory: [property],
      });
      await records(services).update(id, change);
      await records(services).archive(id);
      if (!deletedForGood) await records(services).get(id, [property], { archived: true });
      await refused(404, records(services).get(id));
    },

    'is refused a property that does not exist': ({ services }) =>
      refused(400, records(services).create({ ...create, no_such_property: '1' })),

    'lists and searches': async (world) => {
      await first(world);
      const filters = [{ propertyName: property, operator: 'EQ', value }] as const;
      await count(records(world.services).list({ propertiesWithHistory: [property] }));
      await count(
        records(world.services).list({ properties: [property], archived: true, associations: ['contacts'] }),
      );
      await count(records(world.services).search({ filters }));
      await count(records(world.services).search({ query: value, sort: { propertyName: 'hs_object_id' } }));
    },

    'reads what was changed and deleted, and goes on from there': async (world) => {
      const { services } = world;
      await records(services).archive(await first(world));
      await first(world);
      for await (const { cursor } of records(services).changedSince(new Date(0))) {
        await count(records(services).changedSince(new Date(), { cursor }));
      }
    },

    'writes, reads and archives in batches, in which single inputs fail': async (world) => {
      const { services } = world;
      const one = await first(world);
      const created = await records(services).batchCreate([
        { properties: unique ? { ...create, [unique.property]: unique.values[0] } : create },
        { properties: { no_such_property: '1' } },
      ]);
      expectFailures(created, 1);
      await records(services).batchUpdate([{ id: one, properties: change }]);
      expectFailures(await records(services).batchUpdate([{ id: '999999', properties: change }]), 1);
      await records(services).batchRead([one], [property], { propertiesWithHistory: [property] });
      expectFailures(await records(services).batchRead([one, '999999']), 1);
      await records(services).batchArchive([one]);
    },

    'upserts in batches by a unique property': async ({ services }) => {
      const inputs = unique?.values.map((id) => ({ id, properties: change })) ?? [
        { id: '1', properties: change },
      ];
      const outcomes = await records(services).batchUpsert(unique?.property ?? 'no_such_property', inputs);
      expectFailures(outcomes, unique ? 0 : 1);
    },
  };
}

export function expectFailures(outcomes: readonly BatchOutcome<unknown, unknown>[], expected: number): void {
  const failed = outcomes
    .filter(({ failure }) => failure !== undefined)
    .map(({ failure }) => failure?.message);
  if (failed.length !== expected)
    throw new Error(`expected ${expected} failures, got ${failed.length}: ${failed}`);
}

export async function count(records: AsyncIterable<unknown>): Promise<number> {
  let found = 0;
  for await (const _ of records) found += 1;
  return found;
}
