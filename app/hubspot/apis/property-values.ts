import { AppError } from '../../base/errors.ts';

/** Values of a record's properties, by name. `null` and `''` clear one; `undefined` leaves it alone. */
export type PropertyValues = Readonly<Record<string, string | number | boolean | Date | null | undefined>>;

/** As they travel: every value is text, a time ISO 8601, and what is undefined is not sent. */
export function asText(values: PropertyValues): Record<string, string> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, textOf(value)]));
}

function textOf(value: PropertyValues[string]): string {
  if (value === null || value === undefined) return '';
  return value instanceof Date ? value.toISOString() : String(value);
}

/** Which of two values is to be written cannot be told: that by which the record is found, or that among its properties. */
export const otherValueGiven = (name: string, value: string): AppError =>
  new AppError(
    400,
    'contradicting_values',
    `The properties have another ${name} than ${value}, by which the record is found. Nothing was sent. Leave it out, or ` +
      `change the ${name} of a record by its id.`,
  );
