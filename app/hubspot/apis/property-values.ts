import { AppError } from '../../base/errors.ts';

/** Values of a record's properties, by name. `null` and `''` clear a value; `undefined` keeps it. */
export type PropertyValues = Readonly<Record<string, string | number | boolean | Date | null | undefined>>;

/** As sent to HubSpot: every value is a string, times are ISO 8601, and undefined values are omitted. */
export function asText(values: PropertyValues): Record<string, string> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, textOf(value)]));
}

function textOf(value: PropertyValues[string]): string {
  if (value === null || value === undefined) return '';
  return value instanceof Date ? value.toISOString() : String(value);
}

/** The properties contain a different value of the property by which the record is looked up. */
export const otherValueGiven = (name: string, value: string): AppError =>
  new AppError(
    400,
    'contradicting_values',
    `The properties have another ${name} than ${value}, by which the record is found. Nothing was sent. Leave it out, or ` +
      `change the ${name} of a record by its id.`,
  );
