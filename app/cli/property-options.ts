import { InvalidArgumentError } from 'commander';
import type { SearchFilter } from '../hubspot/object-search.ts';
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
  '!=': 'NEQ',
  '=': 'EQ',
  '>': 'GT',
  '<': 'LT',
  '~': 'CONTAINS_TOKEN',
} as const;

/** `--where amount>=1000`, any number of times; all must hold. */
export const whereOption = collecting(
  (text: string, before: readonly SearchFilter[] = []): readonly SearchFilter[] => {
    const [, not, propertyName, sign, value = ''] =
      /^(!?)([\w.]+)\s*(?:(>=|<=|!=|[=<>~])\s*([\s\S]*))?$/.exec(text) ?? [];
    if (!propertyName || (not && sign)) {
      throw new InvalidArgumentError(
        'Write it as name=value, with = != < <= > >= or ~ (has the word); name or !name asks whether there is a value.',
      );
    }
    if (!sign) return [...before, { propertyName, operator: not ? 'NOT_HAS_PROPERTY' : 'HAS_PROPERTY' }];
    return [...before, { propertyName, operator: OPERATORS[sign as keyof typeof OPERATORS], value }];
  },
);

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
