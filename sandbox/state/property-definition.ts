import { isCustom, type ObjectType, type PropertyType, readOnlyProperties } from './object-types.ts';
import { enumerationOptions } from './property-options.ts';

export interface PropertyOption {
  label: string;
  value: string;
  displayOrder: number;
  hidden: boolean;
  description?: string;
}

/** What HubSpot knows about a property. Times are wall-clock epoch ms; 0 for what HubSpot itself defines. */
export interface PropertyDefinition {
  name: string;
  label: string;
  type: PropertyType;
  fieldType: string;
  groupName: string;
  description: string;
  /** None: any value is valid. */
  options: PropertyOption[];
  displayOrder: number;
  hasUniqueValue: boolean;
  hidden: boolean;
  formField: boolean;
  hubspotDefined: boolean;
  readOnlyValue: boolean;
  calculationFormula?: string;
  externalOptions: boolean;
  referencedObjectType?: string;
  dataSensitivity?: string;
  createdAt: number;
  updatedAt: number;
  archivedAt?: number;
}

export interface PropertyGroup {
  name: string;
  label: string;
  displayOrder: number;
}

/** The input for adding a property to a portal. */
type NewProperty = Pick<PropertyDefinition, 'name' | 'label' | 'type' | 'fieldType' | 'groupName'> &
  Partial<PropertyDefinition>;

/** A property that a portal adds. */
export function newDefinition(input: NewProperty, now: number): PropertyDefinition {
  return {
    description: '',
    options: [],
    displayOrder: -1,
    hasUniqueValue: false,
    hidden: false,
    formField: false,
    externalOptions: false,
    ...input,
    hubspotDefined: false,
    readOnlyValue: input.fieldType === 'calculation_equation',
    createdAt: now,
    updatedAt: now,
  };
}

const fieldTypes: Record<PropertyType, string> = {
  string: 'text',
  number: 'number',
  date: 'date',
  datetime: 'date',
  enumeration: 'select',
  bool: 'booleancheckbox',
  phone_number: 'phonenumber',
};

/** The group of a type's own properties: `contactinformation`. */
export function ownGroup(type: ObjectType): PropertyGroup {
  const { singular } = type;
  const name = isCustom(type) ? `${singular}_information` : `${singular}information`;
  return { name, label: `${capital(singular)} information`, displayOrder: 0 };
}

const builtIn = new WeakMap<ObjectType, ReadonlyMap<string, PropertyDefinition>>();

/** The properties that HubSpot defines for a type; the same in every portal. */
export function builtInProperties(type: ObjectType): ReadonlyMap<string, PropertyDefinition> {
  const known = builtIn.get(type);
  if (known) return known;
  const made = new Map(
    Object.entries(type.properties).map(([name, propertyType]) => [name, define(type, name, propertyType)]),
  );
  builtIn.set(type, made);
  return made;
}

function define(type: ObjectType, name: string, propertyType: PropertyType): PropertyDefinition {
  const values = enumerationOptions[name] ?? [];
  return {
    name,
    label: labelOf(name),
    type: propertyType,
    fieldType: fieldTypes[propertyType],
    groupName: ownGroup(type).name,
    description: '',
    options: values.map((value, displayOrder) => ({
      label: labelOf(value.toLowerCase()),
      value,
      displayOrder,
      hidden: false,
    })),
    displayOrder: -1,
    hasUniqueValue: type.uniqueProperties.includes(name),
    hidden: false,
    formField: type.singular === 'contact' && propertyType === 'string',
    hubspotDefined: true,
    readOnlyValue: readOnlyProperties.has(name),
    externalOptions: name === 'hubspot_owner_id',
    ...(name === 'hubspot_owner_id' && { referencedObjectType: 'OWNER' }),
    createdAt: 0,
    updatedAt: 0,
  };
}

function labelOf(name: string): string {
  return capital(name.replace(/^hs_/, '').replaceAll('_', ' '));
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
