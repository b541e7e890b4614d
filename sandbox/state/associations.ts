import type { AssociationLabels } from './association-labels.ts';
import { type AssociationType, exclusiveTypeIds } from './association-types.ts';
import type { ObjectType } from './object-types.ts';
import type { ChangeSource, CrmRecord, RecordChange } from './record.ts';
import type { Schemas } from './schemas.ts';

/** One side of an association. */
type Side = Pick<CrmRecord, 'portalId' | 'type' | 'id'>;

export interface AssociatedRecord {
  toId: string;
  types: AssociationType[];
}

export type Associations = ReturnType<typeof createAssociations>;

/**
 * The associations between records. Each association is stored for both sides, and a pair with
 * any association has the unlabelled one as well.
 */
export function createAssociations(
  labels: AssociationLabels,
  schemas: Schemas,
  onChange: (change: RecordChange) => void,
) {
  /** `portal/type/id/toType` → id of the other record → kinds of association. */
  const links = new Map<string, Map<string, AssociationType[]>>();

  const keyOf = ({ portalId, type, id }: Side, toType: string) => `${portalId}/${type.id}/${id}/${toType}`;
  const typesOf = (from: Side, to: Side) => links.get(keyOf(from, to.type.id))?.get(to.id) ?? [];

  function write(from: Side, to: Side, types: AssociationType[]) {
    const key = keyOf(from, to.type.id);
    const targets = links.get(key) ?? new Map<string, AssociationType[]>();
    if (types.length > 0) targets.set(to.id, types);
    else targets.delete(to.id);
    if (targets.size > 0) links.set(key, targets);
    else links.delete(key);
  }

  /** Adds or removes one kind on both sides and reports both changes. */
  function change(from: Side, to: Side, type: AssociationType, removed: boolean, source: ChangeSource) {
    const { portalId } = from;
    const sides = [
      { one: from, other: to, kind: type },
      { one: to, other: from, kind: labels.inverse(portalId, type) },
    ];
    for (const { one, other, kind } of sides) {
      const held = typesOf(one, other).filter((existing) => existing !== kind);
      write(one, other, removed ? held : [...held, kind]);
      onChange(associationChange(one, other, kind, removed, source));
    }
  }

  /** A record has one primary company: the former one loses the label but stays associated. */
  function makeRoom(from: Side, to: Side, type: AssociationType, source: ChangeSource) {
    const ownKind = isExclusive(type);
    if (!ownKind && !isExclusive(labels.inverse(from.portalId, type))) return;
    const [owner, company] = ownKind ? [from, to] : [to, from];
    const kind = ownKind ? type : labels.inverse(from.portalId, type);
    for (const id of holdersOf(owner, company.type, kind)) {
      if (id !== company.id) change(owner, { ...company, id }, kind, true, source);
    }
  }

  function holdersOf(from: Side, toType: ObjectType, type: AssociationType): string[] {
    const targets = [...(links.get(keyOf(from, toType.id)) ?? [])];
    return targets.filter(([, held]) => held.includes(type)).map(([id]) => id);
  }

  return {
    /** Adds kinds of association, and the unlabelled one. Existing kinds cause no change. */
    add(from: Side, to: Side, types: readonly AssociationType[], source: ChangeSource) {
      const plain = labels.plain(from.portalId, from.type, to.type);
      for (const type of plain && !types.includes(plain) ? [plain, ...types] : types) {
        if (typesOf(from, to).includes(type)) continue;
        makeRoom(from, to, type, source);
        change(from, to, type, false, source);
      }
    },

    /** Removes these kinds, or all without `kinds`. Without the unlabelled one nothing is left. */
    remove(from: Side, to: Side, types: readonly AssociationType[] | undefined, source: ChangeSource) {
      const held = typesOf(from, to);
      const plain = labels.plain(from.portalId, from.type, to.type);
      const all = types === undefined || (plain !== undefined && types.includes(plain));
      for (const type of all ? held : held.filter((existing) => types.includes(existing))) {
        change(from, to, type, true, source);
      }
    },

    /** Ordered by the other records' ids. */
    list: (from: Side, toType: ObjectType): AssociatedRecord[] =>
      [...(links.get(keyOf(from, toType.id)) ?? [])]
        .map(([toId, types]) => ({ toId, types }))
        .sort((a, b) => Number(a.toId) - Number(b.toId)),

    types: typesOf,

    /** The other records that have this kind of association with the record. */
    holdersOf,

    /** Removes every association of a kind when its label is deleted. Not reported, as at HubSpot. */
    forgetTypes(portalId: number, types: readonly AssociationType[]) {
      for (const [key, targets] of links) {
        if (!key.startsWith(`${portalId}/`)) continue;
        for (const [id, held] of targets) {
          targets.set(
            id,
            held.filter((type) => !types.includes(type)),
          );
        }
      }
    },

    /** Removes all associations of a permanently deleted record and returns them. */
    forget(record: Side): { to: Side; types: AssociationType[] }[] {
      return schemas.types(record.portalId).flatMap((type) => {
        const targets = [...(links.get(keyOf(record, type.id)) ?? [])];
        return targets.map(([id, types]) => {
          const to = { portalId: record.portalId, type, id };
          write(record, to, []);
          write(to, record, []);
          return { to, types };
        });
      });
    },

    /** Moves the associations of a merged record to the other one, which keeps its primary company. */
    move(gone: Side, into: Side, source: ChangeSource) {
      for (const { to, types } of this.forget(gone)) {
        const kept = types.filter(
          (type) => !(isExclusive(type) && holdersOf(into, to.type, type).length > 0),
        );
        if (to.type !== into.type || to.id !== into.id) this.add(into, to, kept, source);
      }
    },

    reset() {
      links.clear();
    },
  };
}

function isExclusive({ category, typeId }: AssociationType): boolean {
  return category === 'HUBSPOT_DEFINED' && exclusiveTypeIds.has(typeId);
}

function associationChange(
  from: Side,
  to: Side,
  type: AssociationType,
  removed: boolean,
  source: ChangeSource,
): RecordChange {
  return {
    ...source,
    kind: 'associationChange',
    portalId: from.portalId,
    type: from.type,
    objectId: from.id,
    otherType: to.type,
    occurredAt: Date.now(),
    details: {
      associationType: `${from.type.singular}_TO_${to.type.singular}`.toUpperCase(),
      fromObjectId: Number(from.id),
      toObjectId: Number(to.id),
      associationRemoved: removed,
      isPrimaryAssociation: type.category === 'HUBSPOT_DEFINED' && type.label === 'Primary',
    },
    genericDetails: {
      fromObjectTypeId: from.type.id,
      toObjectTypeId: to.type.id,
      associationTypeId: type.typeId,
      associationCategory: type.category,
    },
  };
}
