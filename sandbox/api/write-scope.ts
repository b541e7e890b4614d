import type { SandboxContext } from '../context.ts';
import type { ObjectType } from '../state/object-types.ts';
import type { ChangeSource } from '../state/record.ts';

/** The parts of the state that make up the CRM. */
export type Crm = Pick<
  SandboxContext,
  'records' | 'schemas' | 'properties' | 'pipelines' | 'owners' | 'associations' | 'associationLabels'
>;

/** The portal of a write, and who makes it. */
export interface WriteScope {
  crm: Crm;
  portalId: number;
  type: ObjectType;
  source: ChangeSource;
}
