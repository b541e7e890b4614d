import { emailsOf, FURTHER_EMAILS, hasFurtherEmails } from '../state/contact-emails.ts';
import type { PropertyDefinition } from '../state/property-definition.ts';
import type { CrmRecord } from '../state/record.ts';
import { invalidProperties, type PropertyProblem } from './api-error.ts';
import { isEmailAddress } from './email-address.ts';
import { stageProblems } from './stage-values.ts';
import type { WriteScope } from './write-scope.ts';

type Problem = Omit<PropertyProblem, 'name'>;

/**
 * Checks property values against their definitions and returns them as HubSpot stores them: text.
 * Throws a VALIDATION_ERROR that lists every invalid value.
 * @param record the record that the values are for, when there is one already
 */
export function checkedValues(
  scope: WriteScope,
  values: Record<string, unknown>,
  record?: CrmRecord,
): Record<string, string> {
  const { crm, portalId, type } = scope;
  const problems: PropertyProblem[] = [];
  const checked: Record<string, string> = {};
  for (const [name, given] of Object.entries(values)) {
    // Null clears a value, as "" does.
    const value = given === null ? '' : String(given);
    const definition = crm.properties.find(portalId, type, name);
    const problem = definition
      ? problemWith(definition, value, scope)
      : { code: 'PROPERTY_DOESNT_EXIST', message: `Property "${name}" does not exist` };
    if (problem) problems.push({ name, ...problem });
    else if (!goesBack(scope, definition, value, record))
      checked[name] = stored(name, value, definition, record);
  }
  if (problems.length === 0) problems.push(...stageProblems(scope, checked, record));
  if (problems.length > 0) throw invalidProperties(portalId, problems);
  return checked;
}

/** E-mail addresses are converted to lower case; a list of options that starts with `;` is added to the existing options. */
function stored(
  name: string,
  given: string,
  definition: PropertyDefinition | undefined,
  record: CrmRecord | undefined,
): string {
  if (name === 'email') return given.trim().toLowerCase();
  const value = name === FURTHER_EMAILS ? given.toLowerCase().replaceAll(/\s/g, '') : given;
  if (definition?.type !== 'enumeration' || !value.startsWith(';')) return value;
  const held = record?.properties[name]?.split(';') ?? [];
  return [...new Set([...held, ...value.split(';')])].filter((option) => option !== '').join(';');
}

/**
 * HubSpot's API moves a lifecycle stage only forward, in the order of its options. A write that would move it back
 * succeeds without effect, unless the stage was cleared before. Users can move it both ways.
 * @see https://developers.hubspot.com/docs/api-reference/legacy/crm/objects/contacts/v1/post-contacts-v1-contact-email-email-profile
 */
function goesBack(
  { source }: WriteScope,
  definition: PropertyDefinition | undefined,
  value: string,
  record: CrmRecord | undefined,
): boolean {
  if (definition?.name !== 'lifecyclestage' || !definition.hubspotDefined) return false;
  const order = definition.options.toSorted((a, b) => a.displayOrder - b.displayOrder);
  const placeOf = (stage: string | undefined) => order.findIndex((option) => option.value === stage);
  const held = placeOf(record?.properties.lifecyclestage);
  return source.changeSource === 'INTEGRATION' && value !== '' && placeOf(value) < held;
}

function problemWith(
  definition: PropertyDefinition,
  value: string,
  { crm, portalId, type }: WriteScope,
): Problem | undefined {
  const { name } = definition;
  if (definition.readOnlyValue) {
    return {
      code: 'READ_ONLY_VALUE',
      message: `"${name}" is a read only property; its value cannot be set.`,
    };
  }
  if (value === '') return undefined;
  const addresses = hasFurtherEmails(type) ? emailsOf({ [name]: value }) : [];
  const invalid = addresses.find((address) => !isEmailAddress(address));
  if (invalid !== undefined) return { code: 'INVALID_EMAIL', message: `Email address ${invalid} is invalid` };
  if (definition.referencedObjectType === 'OWNER' && !crm.owners.find(portalId, value)) {
    return { code: 'INVALID_OWNER_ID', message: `Owner "${value}" does not exist` };
  }
  return problemWithType(definition, value);
}

function problemWithType({ name, type, options }: PropertyDefinition, value: string): Problem | undefined {
  switch (type) {
    case 'string':
    case 'phone_number':
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
      return isMidnight(value)
        ? undefined
        : { code: 'INVALID_DATE', message: `${value} is at neither a date nor midnight UTC.` };
    case 'datetime':
      return Number.isNaN(asTime(value))
        ? { code: 'INVALID_DATE', message: `${value} was not a valid date or timestamp.` }
        : undefined;
    case 'enumeration': {
      const allowed = options.map((option) => option.value);
      const wrong = value.split(';').find((part) => part !== '' && !allowed.includes(part));
      return wrong === undefined || allowed.length === 0
        ? undefined
        : {
            code: 'INVALID_OPTION',
            message: `${wrong} was not one of the allowed options: [${allowed.join(', ')}]`,
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

/** A date is a day: `2026-12-18`, or epoch milliseconds of midnight UTC. */
function isMidnight(value: string): boolean {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(value) || /^-?\d+$/.test(value);
  return isDay && asTime(value) % 86_400_000 === 0;
}
