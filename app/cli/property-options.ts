import { InvalidArgumentError } from 'commander';
import type { SearchFilter } from '../hubspot/apis/object-search.ts';
import { collecting } from './repeated-options.ts';

type Values = Readonly<Record<string, string>>;

/** `--property email=jane@example.com`, any number of times; an empty value clears the property. */
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
 * `--where amount>=1000`, any number of times; all must hold. `stage=lead,customer` finds either, `amount=10..20` a
 * range.
 */
export const whereOption = collecting(
  (text: string, before: readonly SearchFilter[] = []): readonly SearchFilter[] => {
    const [, not, propertyName, sign, value = ''] =
      /^(!?)([\w.]+)\s*(?:(>=|<=|!=|!~|[=<>~])\s*([\s\S]*))?$/.exec(text) ?? [];
    if (!propertyName || (not && sign)) {
      throw new InvalidArgumentError(
        'Write it as name=value, with = != < <= > >= ~ (has the word) or !~; name=a,b for one of several, name=1..9 for a range; name or !name asks whether there is a value.',
      );
    }
    if (!sign) return [...before, { propertyName, operator: not ? 'NOT_HAS_PROPERTY' : 'HAS_PROPERTY' }];
    // A slip such as => or ==, which would look for the second sign as a part of the value.
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
  new InvalidArgumentError(`Give a value; !${propertyName} finds records that have none.`);

/** One of several values, or a range of them; quotes hold together what is one value: `"Doe, Jane"`. */
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
  if (!is) throw new InvalidArgumentError('A range goes with = alone; use < or > for what is outside of it.');
  return { propertyName, operator: 'BETWEEN', value: low, highValue };
}

/** Whether a filter stands for several values, as its text may not have meant. */
export const isOfSeveral = ({ operator }: SearchFilter): boolean =>
  ['IN', 'NOT_IN', 'BETWEEN'].includes(operator);

/** `--properties email,phone`, any number of times. */
export const namesOption = collecting((text: string, before: readonly string[] = []): string[] => [
  ...new Set([...before, ...text.split(/[,\s]+/).filter(Boolean)]),
]);

/** `--sort -amount`: a minus for the greatest first. */
export function sortOption(text: string) {
  const descending = text.startsWith('-');
  const direction = descending ? ('DESCENDING' as const) : ('ASCENDING' as const);
  return { propertyName: descending ? text.slice(1) : text, direction };
}

export interface RecordName {
  readonly type: string;
  readonly id: string;
}

/** A record of some type: `contacts:101`. */
export function recordArgument(text: string): RecordName {
  const [, type, id] = /^([\w-]+):(\d+)$/.exec(text) ?? [];
  if (!type || !id) throw new InvalidArgumentError('Write a record as type:id, such as contacts:101.');
  return { type, id };
}

/** `--associate contacts:101`, any number of times. */
export const recordsOption = collecting((text: string, before: readonly RecordName[] = []): RecordName[] => {
  const record = recordArgument(text);
  const isSame = ({ type, id }: RecordName) => type === record.type && id === record.id;
  return before.some(isSame) ? [...before] : [...before, record];
});
