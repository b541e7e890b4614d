import { z } from 'zod';
import type { AssociationType } from '../state/association-types.ts';
import type { ObjectType } from '../state/object-types.ts';
import type { CrmRecord } from '../state/record.ts';
import { ApiError, notFound, validationError } from './api-error.ts';
import type { WriteScope } from './write-scope.ts';

export const associationSpec = z.object({
  associationCategory: z.enum(['HUBSPOT_DEFINED', 'USER_DEFINED', 'INTEGRATOR_DEFINED', 'WORK']),
  associationTypeId: z.number().int(),
});
export const objectRef = z.object({ id: z.union([z.string(), z.number().int()]).transform(String) });

/** An association that is created together with a record. Its type ids determine the object type of `to`. */
export const newAssociation = z.object({ to: objectRef, types: z.array(associationSpec).min(1) });

type Spec = z.infer<typeof associationSpec>;
export type NewAssociation = z.infer<typeof newAssociation>;

interface ResolvedAssociation {
  to: CrmRecord;
  types: AssociationType[];
}

/** Finds the records and kinds of association in a request; throws for missing ones. */
export function resolveAssociations(
  scope: WriteScope,
  associations: readonly NewAssociation[],
): ResolvedAssociation[] {
  return associations.map(({ to, types }) => {
    const kinds = types.map((spec) => kindOf(scope, spec));
    const toType = kinds[0] && scope.crm.schemas.find(scope.portalId, kinds[0].to);
    if (!toType || kinds.some((kind) => kind.to !== toType.id)) {
      throw validationError('The types of one association lead to different objects.');
    }
    return { to: otherRecord(scope, toType, to.id), types: kinds };
  });
}

/** The kind of association of a spec, from the scope's type; throws 400 for unknown ones. */
export function kindOf(
  { crm, portalId, type }: WriteScope,
  { associationCategory: category, associationTypeId: typeId }: Spec,
  to?: ObjectType,
): AssociationType {
  const found = crm.associationLabels.find(portalId, type, { category, typeId, to });
  if (found) return found;
  const target = to ? ` to ${to.singular.toUpperCase()}` : '';
  throw validationError(
    `Association type ${category}/${typeId} is not valid from ${type.singular.toUpperCase()}${target}.`,
    [{ message: `invalid association type ${typeId}`, code: 'INVALID_ASSOCIATION_TYPE' }],
  );
}

/** The unlabelled association between two types; throws 400 for a pair that cannot be associated. */
export function plainKind({ crm, portalId, type }: WriteScope, to: ObjectType): AssociationType {
  const plain = crm.associationLabels.plain(portalId, type, to);
  if (plain) return plain;
  throw validationError(`${type.plural} and ${to.plural} have no default association type.`);
}

/** Throws 400 for text that cannot be a record id. */
export function checkIdentifier(type: ObjectType, id: string): void {
  if (/^\d{1,19}$/.test(id)) return;
  throw new ApiError(400, 'VALIDATION_ERROR', `"${id}" is not a valid identifier of a ${type.singular}.`, {
    subCategory: 'crm.associations.INVALID_IDENTIFIER',
    context: { objectType: [type.singular], id: [id] },
  });
}

/** An active record on one side of an association. */
export function otherRecord({ crm, portalId }: WriteScope, type: ObjectType, id: string): CrmRecord {
  checkIdentifier(type, id);
  const found = crm.records.find(portalId, type, id);
  if (found && found.archivedAt === undefined) return found;
  throw notFound(`No ${type.singular} has the id ${id}.`, {
    subCategory: 'crm.associations.OBJECT_NOT_FOUND',
    context: { objectType: [type.singular], id: [id] },
  });
}

/** Associates two records, within the limits of the portal. */
export function associate(
  { crm, portalId, source }: WriteScope,
  from: CrmRecord,
  to: CrmRecord,
  types: readonly AssociationType[],
): void {
  if (from === to) throw validationError('A record cannot be associated with itself.');
  for (const type of types) {
    refuseTooMany(crm, portalId, from, to, type);
    refuseTooMany(crm, portalId, to, from, crm.associationLabels.inverse(portalId, type));
  }
  crm.associations.add(from, to, types, source);
}

/** Throws 400 before a record is created when an associated record would exceed its limit. */
export function refuseTooManyOfNew(
  { crm, portalId, type: newType }: WriteScope,
  associations: readonly ResolvedAssociation[],
): void {
  for (const { to, types } of associations) {
    for (const type of types) {
      const inverse = crm.associationLabels.inverse(portalId, type);
      refuseTooMany(crm, portalId, to, { type: newType }, inverse);
    }
  }
}

/** @param to without an id: a record that does not exist yet. */
function refuseTooMany(
  crm: WriteScope['crm'],
  portalId: number,
  from: CrmRecord,
  to: { type: ObjectType; id?: string },
  type: AssociationType,
): void {
  const limit = crm.associationLabels.limitOf(portalId, type);
  if (limit === undefined) return;
  const held = crm.associations.holdersOf(from, to.type, type);
  if ((to.id && held.includes(to.id)) || held.length < limit) return;
  const name = from.type.singular;
  throw new ApiError(
    400,
    'VALIDATION_ERROR',
    `The ${name} ${from.id} has ${limit} associations of this type already, which is its limit.`,
    {
      subCategory: 'crm.associations.LIMIT_EXCEEDED',
      context: { fromObjectId: [from.id], associationTypeId: [String(type.typeId)], limit: [String(limit)] },
    },
  );
}
