import {
  type AssociationCategory,
  type AssociationType,
  hubspotAssociationTypes,
} from './association-types.ts';
import type { ObjectType } from './object-types.ts';

export interface AssociationLimit {
  type: AssociationType;
  maxToObjectIds: number;
}

/** Far from the numbers of labels, which start at 1. */
const FIRST_PLAIN_ID = 10_001;

export type AssociationLabels = ReturnType<typeof createAssociationLabels>;

/** A portal's kinds of association (HubSpot's own and its users' labels) and their limits. */
export function createAssociationLabels() {
  const added = new Map<number, AssociationType[]>();
  const limits = new Map<number, AssociationLimit[]>();
  let nextTypeId = 1;
  let nextPlainId = FIRST_PLAIN_ID;

  const addedTo = (portalId: number) => added.get(portalId) ?? [];

  function sameType(a: AssociationType, b: AssociationType): boolean {
    return a.category === b.category && a.typeId === b.typeId && a.from === b.from && a.to === b.to;
  }

  return {
    /** All kinds of association from one object type to another. */
    list: (portalId: number, from: ObjectType, to: ObjectType): AssociationType[] =>
      [...hubspotAssociationTypes, ...addedTo(portalId)].filter(
        (type) => type.from === from.id && type.to === to.id,
      ),

    /** By category and type id, from an object type, optionally to another. */
    find(
      portalId: number,
      from: ObjectType,
      { category, typeId, to }: { category: string; typeId: number; to?: ObjectType },
    ): AssociationType | undefined {
      return [...hubspotAssociationTypes, ...addedTo(portalId)].find(
        (type) =>
          type.typeId === typeId &&
          type.category === category &&
          type.from === from.id &&
          (to === undefined || type.to === to.id),
      );
    },

    /** The unlabelled association of a pair, or `undefined` for pairs that cannot be associated. */
    plain(portalId: number, from: ObjectType, to: ObjectType): AssociationType | undefined {
      return this.list(portalId, from, to).find(({ label }) => label === null);
    },

    /** Lets records of a custom type be associated with those of another. */
    addPlain(portalId: number, from: ObjectType, to: ObjectType): AssociationType {
      const category: AssociationCategory = 'USER_DEFINED';
      const [typeId, inverseId] = [nextPlainId++, nextPlainId++];
      const name = `${from.singular}_to_${to.singular}`;
      const there = { category, typeId, inverseId, from: from.id, to: to.id, label: null, name };
      const back = { ...there, typeId: inverseId, inverseId: typeId, from: to.id, to: from.id };
      added.set(portalId, [
        ...addedTo(portalId),
        there,
        { ...back, name: `${to.singular}_to_${from.singular}` },
      ]);
      return there;
    },

    inverse(portalId: number, type: AssociationType): AssociationType {
      const found = [...hubspotAssociationTypes, ...addedTo(portalId)].find(
        (other) =>
          other.category === type.category &&
          other.typeId === type.inverseId &&
          other.from === type.to &&
          other.to === type.from,
      );
      if (!found) throw new Error(`The association type ${type.typeId} has no inverse.`);
      return found;
    },

    /** Adds a label, one type id for each direction. Numbers are the portal's own: HubSpot has a 1 as well. */
    add(
      portalId: number,
      from: ObjectType,
      to: ObjectType,
      { name, label, inverseLabel }: { name: string; label: string; inverseLabel: string },
    ): [AssociationType, AssociationType] {
      const category: AssociationCategory = 'USER_DEFINED';
      const [typeId, inverseId] = [nextTypeId++, nextTypeId++];
      const there = { category, typeId, inverseId, from: from.id, to: to.id, label, name };
      const back = {
        ...there,
        typeId: inverseId,
        inverseId: typeId,
        from: to.id,
        to: from.id,
        label: inverseLabel,
      };
      added.set(portalId, [...addedTo(portalId), there, back]);
      return [there, back];
    },

    /** The portal's label with this name. */
    named: (portalId: number, name: string) => addedTo(portalId).find((type) => type.name === name),

    remove(portalId: number, gone: readonly AssociationType[]) {
      added.set(
        portalId,
        addedTo(portalId).filter((type) => !gone.includes(type)),
      );
    },

    limits: (portalId: number): AssociationLimit[] => limits.get(portalId) ?? [],

    limitOf: (portalId: number, type: AssociationType): number | undefined =>
      limits.get(portalId)?.find((limit) => sameType(limit.type, type))?.maxToObjectIds,

    /** `undefined` removes the limit. */
    setLimit(portalId: number, type: AssociationType, maxToObjectIds: number | undefined) {
      const others = (limits.get(portalId) ?? []).filter((limit) => !sameType(limit.type, type));
      limits.set(portalId, maxToObjectIds === undefined ? others : [...others, { type, maxToObjectIds }]);
    },

    reset() {
      added.clear();
      limits.clear();
      nextTypeId = 1;
      nextPlainId = FIRST_PLAIN_ID;
    },
  };
}
