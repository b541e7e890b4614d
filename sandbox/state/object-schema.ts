import type { AssociationType } from './association-types.ts';
import type { ObjectType } from './object-types.ts';
import type { PropertyDefinition } from './property-definition.ts';

/** An account's definition of a custom type. Times are wall-clock epoch ms. */
export interface ObjectSchema {
  type: ObjectType;
  labels: { singular: string; plural: string };
  description: string;
  primaryDisplayProperty?: string | undefined;
  secondaryDisplayProperties: readonly string[];
  requiredProperties: readonly string[];
  associations: AssociationType[];
  createdAt: number;
  updatedAt: number;
}

/** A schema that is not created yet. */
export interface NewSchema extends Omit<ObjectSchema, 'associations' | 'createdAt' | 'updatedAt'> {
  properties: readonly PropertyDefinition[];
  /** Types whose records can be associated with those of the new one. */
  associatedTypes: readonly ObjectType[];
}
