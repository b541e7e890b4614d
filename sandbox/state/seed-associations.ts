import type { AssociationLabels } from './association-labels.ts';
import type { Associations } from './associations.ts';
import { objectTypeNamed } from './object-types.ts';
import type { Schemas } from './schemas.ts';

const portalId = 62515;

/** The associated seed records: type and id of both sides. */
const pairs = [
  ['contact', '101', 'company', '301'],
  ['contact', '102', 'company', '302'],
  ['contact', '105', 'company', '301'],
  ['deal', '401', 'contact', '101'],
  ['deal', '401', 'company', '301'],
  ['deal', '402', 'contact', '102'],
  ['ticket', '501', 'contact', '101'],
  ['deal', '401', 'line_item', '701'],
  ['deal', '401', 'quote', '801'],
  ['quote', '801', 'line_item', '701'],
  ['p62515_machine', '901', 'contact', '101'],
] as const;

/** Associates the seed records; each one's company is its primary company. */
export function seedAssociations(
  labels: AssociationLabels,
  schemas: Schemas,
  associations: Associations,
): void {
  const typeNamed = (name: string) => schemas.find(portalId, name) ?? objectTypeNamed(name);
  for (const [fromType, fromId, toType, toId] of pairs) {
    const from = { portalId, type: typeNamed(fromType), id: fromId };
    const to = { portalId, type: typeNamed(toType), id: toId };
    const kinds = labels.list(portalId, from.type, to.type);
    const wanted = kinds.filter(({ label }) => label === null || label === 'Primary');
    associations.add(from, to, wanted, { changeSource: 'CRM_UI', sourceId: 'sandbox' });
  }
}
