import { z } from 'zod';
import { type PropertyType, propertyTypes } from '../state/object-types.ts';
import type { PropertyDefinition } from '../state/property-definition.ts';
import { type ApiError, validationError } from './api-error.ts';

const fieldTypes = [
  'booleancheckbox',
  'calculation_equation',
  'checkbox',
  'date',
  'file',
  'html',
  'number',
  'phonenumber',
  'radio',
  'select',
  'text',
  'textarea',
] as const;

/** The valid inputs for each property type: https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide */
const fieldTypesOf: Record<PropertyType, readonly (typeof fieldTypes)[number][]> = {
  bool: ['booleancheckbox', 'calculation_equation'],
  enumeration: ['booleancheckbox', 'checkbox', 'radio', 'select', 'calculation_equation'],
  date: ['date'],
  datetime: ['date'],
  string: ['file', 'text', 'textarea', 'calculation_equation', 'html', 'phonenumber'],
  number: ['number', 'calculation_equation'],
  phone_number: ['phonenumber'],
};

const option = z.object({
  label: z.string().min(1),
  value: z.string().min(1),
  hidden: z.boolean(),
  displayOrder: z.number().int().default(-1),
  description: z.string().optional(),
});

/** SPEC `PropertyUpdate`; other fields are ignored. */
export const propertyPatch = z
  .object({
    label: z.string().min(1),
    groupName: z.string(),
    description: z.string(),
    type: z.enum(propertyTypes),
    fieldType: z.enum(fieldTypes),
    options: z.array(option),
    displayOrder: z.number().int(),
    hidden: z.boolean(),
    formField: z.boolean(),
    calculationFormula: z.string(),
  })
  .partial();

/** SPEC `PropertyCreate`. */
export const propertyCreate = propertyPatch
  .extend({
    externalOptions: z.boolean().optional(),
    referencedObjectType: z.string().optional(),
    hasUniqueValue: z.boolean().default(false),
    dataSensitivity: z.enum(['non_sensitive', 'sensitive', 'highly_sensitive']).optional(),
  })
  .required({ label: true, groupName: true, type: true, fieldType: true })
  .extend({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9_]*$/, 'only lower-case letters, digits and underscores, a letter first')
      .max(100),
  });

export const groupCreate = z.object({
  name: z.string().regex(/^[a-z][a-z0-9_-]*$/i),
  label: z.string().min(1),
  displayOrder: z.number().int().default(-1),
});
export const groupPatch = z.object({ label: z.string().min(1), displayOrder: z.number().int() }).partial();

/** Constraints for a definition as a whole. */
export function checkDefinition(definition: PropertyDefinition): void {
  const { type, fieldType, options, externalOptions, hasUniqueValue, name } = definition;
  if (!fieldTypesOf[type].some((allowed) => allowed === fieldType)) {
    throw invalid('INVALID_FIELD_TYPE', `A property of type ${type} cannot have the fieldType ${fieldType}.`);
  }
  const values = options.map(({ value }) => value);
  if (new Set(values).size < values.length) {
    throw invalid('DUPLICATE_OPTION', `Two options of "${name}" have the same value.`);
  }
  const isCalculated = fieldType === 'calculation_equation';
  if (type === 'enumeration' && values.length === 0 && !externalOptions && !isCalculated) {
    throw invalid('OPTIONS_REQUIRED', `The enumeration "${name}" needs options.`);
  }
  if (type === 'bool' && !isCalculated && values.toSorted().join() !== 'false,true') {
    throw invalid('INVALID_BOOLEAN_OPTION', `The options of "${name}" must be true and false.`);
  }
  if (hasUniqueValue && !['string', 'number', 'phone_number'].includes(type)) {
    throw invalid('INVALID_UNIQUE_PROPERTY', `A property of type ${type} cannot have unique values.`);
  }
}

function invalid(code: string, message: string): ApiError {
  return validationError(message, [{ message, code }]);
}

/** SPEC `Property`. */
export function propertyAnswer(definition: PropertyDefinition) {
  const { readOnlyValue, hubspotDefined, createdAt, updatedAt, archivedAt, fieldType, ...rest } = definition;
  return {
    ...rest,
    fieldType,
    hubspotDefined,
    calculated: fieldType === 'calculation_equation',
    dataSensitivity: definition.dataSensitivity ?? 'non_sensitive',
    archived: archivedAt !== undefined,
    ...(archivedAt !== undefined && { archivedAt: new Date(archivedAt).toISOString() }),
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
    modificationMetadata: {
      archivable: !hubspotDefined,
      readOnlyDefinition: hubspotDefined,
      readOnlyOptions: hubspotDefined,
      readOnlyValue,
    },
  };
}
