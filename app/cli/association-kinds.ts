import type { AssociationLabel } from '../hubspot/apis/association-labels.ts';
import type { AssociationSpec } from '../hubspot/apis/crm-record.ts';
import type { PortalApis } from '../hubspot/portal-apis.ts';
import { ProblemError } from './command.ts';
import { type PortalOptions, placeholder, rehearsed } from './portal-calls.ts';

/** The types of both sides, in the direction of the kind. */
interface Direction {
  readonly from: string;
  readonly to: string;
}

/** The kind of association with a label, which is given by its type id or its name. */
export function labelledKind(
  apis: PortalApis,
  direction: Direction,
  wanted: string,
  options: PortalOptions,
): Promise<AssociationSpec> {
  const isWanted = ({ typeId, label }: AssociationLabel) =>
    String(typeId) === wanted || label?.toLowerCase() === wanted.toLowerCase();
  return findKind(apis, direction, options, { name: `label "${wanted}"`, isWanted });
}

/** The kind without a label. */
export function plainKind(
  apis: PortalApis,
  direction: Direction,
  options: PortalOptions,
): Promise<AssociationSpec> {
  // Between standard types HubSpot defines it; for a custom type it was created with the type.
  const isWanted = ({ label }: AssociationLabel) => !label;
  return findKind(apis, direction, options, { name: 'association without a label', isWanted });
}

function findKind(
  { associations }: PortalApis,
  { from, to }: Direction,
  options: PortalOptions,
  { name, isWanted }: { name: string; isWanted: (kind: AssociationLabel) => boolean },
): Promise<AssociationSpec> {
  const find = async () => {
    const all = await associations.labels.list(from, to);
    const found = all.find(isWanted);
    if (found) return specOf(found.category, found.typeId);
    const choices = all.map(({ typeId, label }) => (label ? `${label} (${typeId})` : String(typeId)));
    throw new ProblemError(
      `There is no ${name} from ${from} to ${to}. Available: ${choices.join(', ') || 'none'}.`,
    );
  };
  const unknown = specOf(placeholder(`category of the ${name}`), placeholder(`type id of the ${name}`));
  return rehearsed(options, find(), unknown);
}

/** HubSpot's own categories, and placeholders, are passed unchanged. */
const specOf = (category: string, typeId: number | string) =>
  ({ associationCategory: category, associationTypeId: typeId }) as AssociationSpec;
