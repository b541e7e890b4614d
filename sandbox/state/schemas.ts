import type { AssociationLabels } from './association-labels.ts';
import type { NewSchema, ObjectSchema } from './object-schema.ts';
import { findObjectType, type ObjectType, objectTypes } from './object-types.ts';
import type { Properties } from './properties.ts';
import { machineSchema } from './seed-machine.ts';

export type Schemas = ReturnType<typeof createSchemas>;

/** HubSpot automatically allows associations of every custom type with these. */
const ENGAGEMENTS = ['0-27', '0-46', '0-47', '0-48', '0-49'];

/** The object types of each account: HubSpot's standard ones and its own. */
export function createSchemas(properties: Properties, labels: AssociationLabels) {
  const custom = new Map<number, ObjectSchema[]>();
  let nextId: number;

  const of = (portalId: number) => custom.get(portalId) ?? [];

  function add(portalId: number, { properties: definitions, associatedTypes, ...egg }: NewSchema) {
    const now = Date.now();
    const { type } = egg;
    for (const definition of definitions) properties.save(portalId, type, definition);
    const engagements = objectTypes.filter(({ id }) => ENGAGEMENTS.includes(id));
    const associated = [...new Set([...associatedTypes, ...engagements])];
    const schema: ObjectSchema = {
      ...egg,
      associations: associated.map((other) => labels.addPlain(portalId, type, other)),
      createdAt: now,
      updatedAt: now,
    };
    custom.set(portalId, [...of(portalId), schema]);
    return schema;
  }

  function reset() {
    custom.clear();
    nextId = 30_002;
    add(machineSchema.portalId, machineSchema.schema);
  }
  reset();

  return {
    list: of,

    schemaOf: (portalId: number, type: ObjectType): ObjectSchema | undefined =>
      of(portalId).find((schema) => schema.type === type),

    types: (portalId: number): ObjectType[] => [...objectTypes, ...of(portalId).map(({ type }) => type)],

    /** A standard type, or one of the account's by id (`2-30001`), full name or `p_name`, upper or lower case. */
    find(portalId: number, name: string): ObjectType | undefined {
      const wanted = name.toLowerCase().replace(/^p_/, `p${portalId}_`);
      const own = of(portalId).map(({ type }) => type);
      return findObjectType(name) ?? own.find(({ id, plural }) => id === wanted || plural === wanted);
    },

    add,

    newTypeId: () => `2-${nextId++}`,

    remove(portalId: number, type: ObjectType) {
      custom.set(
        portalId,
        of(portalId).filter((schema) => schema.type !== type),
      );
    },

    reset,
  };
}
