import {
  enumerationOptions,
  type ObjectType,
  type PropertyType,
  readOnlyProperties,
} from '../state/object-types.ts';
import { invalidProperties, type PropertyProblem } from './api-error.ts';

/**
 * Checks property values against their definitions and returns them as HubSpot stores them: text.
 * Throws a VALIDATION_ERROR that lists every value that is not valid.
 */
export function checkedValues(
  portalId: number,
  type: ObjectType,
  values: Record<string, unknown>,
): Record<string, string> {
  const problems: PropertyProblem[] = [];
  const checked: Record<string, string> = {};
  for (const [name, given] of Object.entries(values)) {
    // Null clears a value, as "" does.
    const value = given === null ? '' : String(given);
    const problem = problemWith(name, value, type);
    if (problem) problems.push({ name, ...problem });
    else checked[name] = name === 'email' ? value.trim().toLowerCase() : value;
  }
  if (problems.length > 0) throw invalidProperties(portalId, problems);
  return checked;
}

function problemWith(
  name: string,
  value: string,
  type: ObjectType,
): Omit<PropertyProblem, 'name'> | undefined {
  const propertyType = Object.hasOwn(type.properties, name) ? type.properties[name] : undefined;
  if (!propertyType) return { code: 'PROPERTY_DOESNT_EXIST', message: `Property "${name}" does not exist` };
  if (readOnlyProperties.has(name)) {
    return {
      code: 'READ_ONLY_VALUE',
      message: `"${name}" is a read only property; its value cannot be set.`,
    };
  }
  if (value === '') return undefined;
  if (type.singular === 'contact' && name === 'email' && !isEmail(value)) {
    return { code: 'INVALID_EMAIL', message: `Email address ${value} is invalid` };
  }
  return problemWithType(name, value, propertyType);
}

function problemWithType(
  name: string,
  value: string,
  type: PropertyType,
): Omit<PropertyProblem, 'name'> | undefined {
  switch (type) {
    case 'string':
      return value.length <= 65_536
        ? undefined
        : { code: 'PROPERTY_VALUE_TOO_LONG', message: `${name} is longer than 65536 characters` };
    case 'number':
      return Number.isFinite(Number(value))
        ? undefined
        : { code: 'INVALID_NUMERIC', message: `${value} was not a valid number.` };
    case 'bool':
      return ['true', 'false'].includes(value)
        ? undefined
        : { code: 'INVALID_BOOLEAN', message: `${value} was not a valid boolean.` };
    case 'date':
    case 'datetime':
      return Number.isNaN(asTime(value))
        ? { code: 'INVALID_DATE', message: `${value} was not a valid date or timestamp.` }
        : undefined;
    case 'enumeration': {
      const options = enumerationOptions[name];
      if (!options) return undefined;
      const wrong = value.split(';').find((part) => part !== '' && !options.includes(part));
      return wrong === undefined
        ? undefined
        : {
            code: 'INVALID_OPTION',
            message: `${wrong} was not one of the allowed options: [${options.join(', ')}]`,
          };
    }
    default:
      return type satisfies never;
  }
}

/** ISO 8601 text or epoch milliseconds as epoch milliseconds; NaN when it is neither. */
export function asTime(value: string): number {
  return /^-?\d+$/.test(value) ? Number(value) : Date.parse(value);
}

function isEmail(value: string): boolean {
  return /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(value.trim());
}
