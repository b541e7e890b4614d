import { objectTypeNamed } from './object-types.ts';

export type AssociationCategory = 'HUBSPOT_DEFINED' | 'USER_DEFINED' | 'INTEGRATOR_DEFINED' | 'WORK';

/** One direction of a kind of association. Object types are ids, such as `0-1`. */
export interface AssociationType {
  category: AssociationCategory;
  typeId: number;
  /** The type id of the same association in the opposite direction. */
  inverseId: number;
  from: string;
  to: string;
  /** `null`: the unlabelled association that every associated pair has. */
  label: string | null;
  /** Its name in the `associations` of a record: `contact_to_company`. */
  name: string;
}

type Pair = readonly [
  from: string,
  to: string,
  typeId: number,
  inverseId: number,
  label?: string,
  inverse?: string,
];

/** https://developers.hubspot.com/docs/api-reference/crm-associations-v4/guide#association-type-id-values */
const pairs: readonly Pair[] = [
  ['contact', 'company', 279, 280],
  ['contact', 'company', 1, 2, 'Primary', 'Primary'],
  ['deal', 'contact', 3, 4],
  ['deal', 'company', 341, 342],
  ['deal', 'company', 5, 6, 'Primary', 'Primary'],
  ['deal', 'ticket', 27, 28],
  ['contact', 'ticket', 15, 16],
  ['ticket', 'company', 339, 340],
  ['ticket', 'company', 26, 25, 'Primary', 'Primary'],
  ['company', 'company', 13, 14, 'Child Company', 'Parent Company'],
  ['contact', 'contact', 449, 449],
  ['company', 'company', 450, 450],
  ['deal', 'deal', 451, 451],
  ['ticket', 'ticket', 452, 452],
  ['deal', 'line_item', 19, 20],
  ['deal', 'quote', 63, 64],
  ['quote', 'line_item', 67, 68],
  ['quote', 'contact', 69, 70],
  ['quote', 'company', 71, 72],
  ['call', 'meeting', 399, 400],
  ['company', 'call', 181, 182],
  ['company', 'email', 185, 186],
  ['company', 'meeting', 187, 188],
  ['company', 'note', 189, 190],
  ['company', 'task', 191, 192],
  ['contact', 'call', 193, 194],
  ['contact', 'email', 197, 198],
  ['contact', 'meeting', 199, 200],
  ['contact', 'note', 201, 202],
  ['contact', 'task', 203, 204],
  ['deal', 'call', 205, 206],
  ['deal', 'email', 209, 210],
  ['deal', 'meeting', 211, 212],
  ['deal', 'note', 213, 214],
  ['deal', 'task', 215, 216],
  ['ticket', 'call', 219, 220],
  ['ticket', 'email', 223, 224],
  ['ticket', 'meeting', 225, 226],
  ['ticket', 'note', 227, 228],
  ['ticket', 'task', 229, 230],
];

export const hubspotAssociationTypes: readonly AssociationType[] = pairs.flatMap(
  ([from, to, typeId, inverseId, label = null, inverse = null]) => {
    const there = direction(from, to, typeId, inverseId, label);
    return typeId === inverseId ? [there] : [there, direction(to, from, inverseId, typeId, inverse)];
  },
);

/**
 * The associations that a record has at most one of: its primary company. Setting a second one
 * replaces the first.
 */
export const exclusiveTypeIds: ReadonlySet<number> = new Set([1, 5, 26]);

function direction(
  from: string,
  to: string,
  typeId: number,
  inverseId: number,
  label: string | null,
): AssociationType {
  return {
    category: 'HUBSPOT_DEFINED',
    typeId,
    inverseId,
    from: objectTypeNamed(from).id,
    to: objectTypeNamed(to).id,
    label,
    name: nameOf(from, to, typeId, label),
  };
}

/** The primary association has the plain name, if there is one. */
function nameOf(from: string, to: string, typeId: number, label: string | null): string {
  if (typeId === 13) return 'parent_to_child_company';
  if (typeId === 14) return 'child_to_parent_company';
  const hasPrimary = pairs.some(
    ([one, other, , , primary]) =>
      primary === 'Primary' && ((one === from && other === to) || (one === to && other === from)),
  );
  return label === null && hasPrimary ? `${from}_to_${to}_unlabeled` : `${from}_to_${to}`;
}
