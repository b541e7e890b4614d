import type { ObjectType, PropertyType } from './object-types.ts';
import {
  builtInProperties,
  ownGroup,
  type PropertyDefinition,
  type PropertyGroup,
} from './property-definition.ts';

export type Properties = ReturnType<typeof createProperties>;

/** Property definitions and groups: HubSpot's own, and what each portal has added. */
export function createProperties() {
  const added = new Map<string, Map<string, PropertyDefinition>>();
  const groups = new Map<string, Map<string, PropertyGroup>>();

  const keyOf = (portalId: number, type: ObjectType) => `${portalId}/${type.id}`;

  function any(portalId: number, type: ObjectType, name: string): PropertyDefinition | undefined {
    return builtInProperties(type).get(name) ?? added.get(keyOf(portalId, type))?.get(name);
  }

  function groupsOf(portalId: number, type: ObjectType): Map<string, PropertyGroup> {
    const own = ownGroup(type);
    const found = groups.get(keyOf(portalId, type)) ?? new Map([[own.name, own]]);
    groups.set(keyOf(portalId, type), found);
    return found;
  }

  return {
    /** An active property. */
    find(portalId: number, type: ObjectType, name: string): PropertyDefinition | undefined {
      const found = any(portalId, type, name);
      return found?.archivedAt === undefined ? found : undefined;
    },

    findArchived(portalId: number, type: ObjectType, name: string): PropertyDefinition | undefined {
      const found = any(portalId, type, name);
      return found?.archivedAt === undefined ? undefined : found;
    },

    typeOf(portalId: number, type: ObjectType, name: string): PropertyType | undefined {
      return this.find(portalId, type, name)?.type;
    },

    list(portalId: number, type: ObjectType, { archived = false } = {}): PropertyDefinition[] {
      const own = added.get(keyOf(portalId, type))?.values() ?? [];
      return [...builtInProperties(type).values(), ...own].filter(
        ({ archivedAt }) => (archivedAt !== undefined) === archived,
      );
    },

    /**
     * Names of properties with unique values, archived ones too: an archived property's values come
     * back with it, and must not have been given to a second record meanwhile.
     */
    uniqueNames(portalId: number, type: ObjectType): string[] {
      const own = [...(added.get(keyOf(portalId, type))?.values() ?? [])];
      return [
        ...type.uniqueProperties,
        ...own.filter(({ hasUniqueValue }) => hasUniqueValue).map(({ name }) => name),
      ];
    },

    save(portalId: number, type: ObjectType, definition: PropertyDefinition) {
      const key = keyOf(portalId, type);
      const own = added.get(key) ?? new Map<string, PropertyDefinition>();
      added.set(key, own);
      own.set(definition.name, definition);
    },

    groups: (portalId: number, type: ObjectType): PropertyGroup[] => [...groupsOf(portalId, type).values()],
    findGroup: (portalId: number, type: ObjectType, name: string) => groupsOf(portalId, type).get(name),
    saveGroup: (portalId: number, type: ObjectType, group: PropertyGroup) => {
      groupsOf(portalId, type).set(group.name, group);
    },
    removeGroup: (portalId: number, type: ObjectType, name: string) => {
      groupsOf(portalId, type).delete(name);
    },

    reset() {
      added.clear();
      groups.clear();
    },
  };
}
