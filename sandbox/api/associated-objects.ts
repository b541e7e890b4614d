import type { ObjectType } from '../state/object-types.ts';
import type { CrmRecord } from '../state/record.ts';
import { typeNamed } from './crm-scope.ts';
import type { Crm } from './write-scope.ts';

/** The active records of a type that a record is associated with, ordered by id. */
export function associatedWith(crm: Crm, record: CrmRecord, toType: ObjectType) {
  return crm.associations.list(record, toType).filter(({ toId }) => {
    const other = crm.records.find(record.portalId, toType, toId);
    return other !== undefined && other.archivedAt === undefined;
  });
}

/**
 * The `associations` of a record in a read with `?associations=companies,deals`: once per
 * kind of association, so that a primary company is included twice.
 */
export function shownAssociations(crm: Crm, record: CrmRecord, names: readonly string[]) {
  const shown = names.flatMap((name) => {
    const type = typeNamed(crm, record.portalId, name);
    const results = associatedWith(crm, record, type).flatMap(({ toId, types }) =>
      types.map((kind) => ({ id: toId, type: kind.name })),
    );
    return results.length > 0 ? [[type.plural, { results }] as const] : [];
  });
  return shown.length > 0 ? { associations: Object.fromEntries(shown) } : {};
}
