import { InvalidArgumentError } from 'commander';
import type { SearchFilter } from '../hubspot/apis/object-search.ts';
import { collecting } from './repeated-options.ts';

type Values = Readonly<Record<string, string>>;

/** `--property email=jane@example.com`, repeatable. An empty value clears the property. */
export const propertyOption = collecting((text: string, before: Values = {}): Values => {
  const [, name, value] = /^([^=\s]+)=([\s\S]*)$/.exec(text) ?? [];
  if (!name || value === undefined) throw new InvalidArgumentError('Write it as name=value.');
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`The property ${name} is given twice.`);
  return { ...before, [name]: value };
});

const OPERATORS = {
  '>=': 'GTE',
  '<=': 'LTE',
  '>': 'GT',
  '<': 'LT',
  '~': 'CONTAINS_TOKEN',
  '!~': 'NOT_CONTAINS_TOKEN',
} as const;

/**
 * `--where amount>=1000`, repeatable; all must match. `stage=lead,customer` matches either, `amount=10..20` a
 * range.
 */
export const whereOption = collecting(
  (text: string, before: readonly SearchFilter[] = []): readonly SearchFilter[] => {
    const [, not, propertyName, sign, value = ''] =
      /^(!?)([\w.]+)\s*(?:(>=|<=|!=|!~|[=<>~])\s*([\s\S]*))?$/.exec(text) ?? [];
    if (!propertyName || (not && sign)) {
      throw new InvalidArgumentError(
        'It must be name=value, with = != < <= > >= ~ (contains the word) or !~; name=a,b for several values, name=1..9 for a range; name or !name to test for a value.',
      );
    }
    if (!sign) return [...before, { propertyName, operator: not ? 'NOT_HAS_PROPERTY' : 'HAS_PROPERTY' }];
    // A typo such as => or ==, which would make the second sign a part of the value.
    if (/^[=<>~]/.test(value)) {
      throw new InvalidArgumentError(
        `There is no ${sign}${value[0]}, but = != < <= > >= ~ and !~. Quote a value that begins so: ${propertyName}="${value}".`,
      );
    }
    if (sign === '=' || sign === '!=') return [...before, valuesFilter(propertyName, sign, value)];
    if (value === '') throw withoutValue(propertyName);
    return [...before, { propertyName, operator: OPERATORS[sign as keyof typeof OPERATORS], value }];
  },
);

const withoutValue = (propertyName: string) =>
  new InvalidArgumentError(`Give a value; !${propertyName} finds records without one.`);

/** One of several values, or a range. Quotes keep one value together: `"Doe, Jane"`. */
function valuesFilter(propertyName: string, sign: '=' | '!=', text: string): SearchFilter {
  const parts = [...text.matchAll(/\s*"((?:[^"]|"")*)"\s*(?=,|$)|[^,]+/g)];
  const values = parts
    .map(([plain, quoted]) => quoted?.replaceAll('""', '"') ?? plain.trim())
    .filter(Boolean);
  const [value, ...more] = values;
  if (value === undefined) throw withoutValue(propertyName);
  const is = sign === '=';
  if (more.length > 0) return { propertyName, operator: is ? 'IN' : 'NOT_IN', values };
  const [, low, highValue] = (parts[0]?.[1] === undefined && /^(.+?)\.\.(.+)$/.exec(value)) || [];
  if (low === undefined || highValue === undefined) {
    return { propertyName, operator: is ? 'EQ' : 'NEQ', value };
  }
  if (!is) throw new InvalidArgumentError('A range needs =; use < or > for values outside of it.');
  return { propertyName, operator: 'BETWEEN', value: low, highValue };
}

/** Whether a filter has several values, which its author may not have intended. */
export const isOfSeveral = ({ operator }: SearchFilter): boolean =>
  ['IN', 'NOT_IN', 'BETWEEN'].includes(operator);

/** `--properties email,phone`, repeatable. */
export const namesOption = collecting((text: string, before: readonly string[] = []): string[] => [
  ...new Set([...before, ...text.split(/[,\s]+/).filter(Boolean)]),
]);

/** `--sort -amount`: a minus for descending order. */
export function sortOption(text: string) {
  const descending = text.startsWith('-');
  const direction = descending ? ('DESCENDING' as const) : ('ASCENDING' as const);
  return { propertyName: descending ? text.slice(1) : text, direction };
}

export interface RecordName {
  readonly type: string;
  readonly id: string;
}

/** A record with its type: `contacts:101`. */
export function recordArgument(text: string): RecordName {
  const [, type, id] = /^([\w-]+):(\d+)$/.exec(text) ?? [];
  if (!type || !id) throw new InvalidArgumentError('A record must be type:id, such as contacts:101.');
  return { type, id };
}

/** `--associate contacts:101`, repeatable. */
export const recordsOption = collecting((text: string, before: readonly RecordName[] = []): RecordName[] => {
  const record = recordArgument(text);
  const isSame = ({ type, id }: RecordName) => type === record.type && id === record.id;
  return before.some(isSame) ? [...before] : [...before, record];
});
