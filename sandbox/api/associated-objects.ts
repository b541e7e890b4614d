import type { ObjectType } from '../state/object-types.ts';
import type { CrmRecord } from '../state/record.ts';
import { typeNamed } from './crm-scope.ts';
import type { Crm } from './write-scope.ts';

/** The living records of a type that a record is associated with, in the order of their ids. */
export function associatedWith(crm: Crm, record: CrmRecord, toType: ObjectType) {
  return crm.associations.list(record, toType).filter(({ toId }) => {
    const other = crm.records.find(record.portalId, toType, toId);
    return other !== undefined && other.archivedAt === undefined;
  });
}

/**
 * The `associations` of a record as a read with `?associations=companies,deals` shows them: once for
 * each kind of association, so that a primary company stands there twice.
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
