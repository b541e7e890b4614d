import { z } from 'zod';
import { propertyVersion } from './property-history.ts';

const value = z.string().nullable();

/** SPEC `SimplePublicObjectWithAssociations`: the fields used here. */
export const crmRecord = z.object({
  id: z.string(),
  properties: z.record(z.string(), value),
  /** Only if the read requests it. */
  propertiesWithHistory: z.record(z.string(), z.array(propertyVersion)).optional(),
  createdAt: z.string().optional(),
  updatedAt: z.string().optional(),
  archived: z.boolean().optional(),
  /** When it was deleted. */
  archivedAt: z.string().optional(),
  associations: z
    .record(z.string(), z.object({ results: z.array(z.object({ id: z.string(), type: z.string() })) }))
    .optional(),
});

/** A record of any type in HubSpot's objects API: every property value is a string or null. */
export type CrmRecord = z.output<typeof crmRecord>;

export const nextPage = z.object({ next: z.object({ after: z.string() }).optional() }).optional();

/** An association that is created together with a record. */
export interface NewAssociation {
  readonly to: { readonly id: string };
  readonly types: readonly AssociationSpec[];
}

/** The kind of association. The meaning of a type id depends on the direction. */
export interface AssociationSpec {
  readonly associationCategory: 'HUBSPOT_DEFINED' | 'USER_DEFINED' | 'INTEGRATOR_DEFINED' | 'WORK';
  readonly associationTypeId: number;
}
