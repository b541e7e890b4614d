import { InvalidArgumentError } from 'commander';
import type { SearchFilter } from '../hubspot/object-search.ts';

type Values = Readonly<Record<string, string>>;

/** `--property email=jane@example.com`, any number of times; an empty value clears the property. */
export function propertyOption(text: string, before: Values = {}): Values {
  const [, name, value] = /^([^=\s]+)=([\s\S]*)$/.exec(text) ?? [];
  if (!name || value === undefined) throw new InvalidArgumentError('Write it as name=value.');
  return { ...before, [name]: value };
}

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
export function whereOption(text: string, before: readonly SearchFilter[] = []): readonly SearchFilter[] {
  const [, not, propertyName, sign, value = ''] =
    /^(!?)([\w.]+)\s*(?:(>=|<=|!=|[=<>~])\s*([\s\S]*))?$/.exec(text) ?? [];
  if (!propertyName || (not && sign)) {
    throw new InvalidArgumentError(
      'Write it as name=value, with = != < <= > >= or ~ (has the word); name or !name asks whether there is a value.',
    );
  }
  if (!sign) return [...before, { propertyName, operator: not ? 'NOT_HAS_PROPERTY' : 'HAS_PROPERTY' }];
  return [...before, { propertyName, operator: OPERATORS[sign as keyof typeof OPERATORS], value }];
}

export const namesOption = (text: string): string[] => text.split(/[,\s]+/).filter(Boolean);

/** `--sort -amount`: a minus for the greatest first. */
export function sortOption(text: string) {
  const descending = text.startsWith('-');
  const direction = descending ? ('DESCENDING' as const) : ('ASCENDING' as const);
  return { propertyName: descending ? text.slice(1) : text, direction };
}

/** A record of some type: `contacts:101`. */
export function recordArgument(text: string): { type: string; id: string } {
  const [, type, id] = /^([\w-]+):(\d+)$/.exec(text) ?? [];
  if (!type || !id) throw new InvalidArgumentError('Write a record as type:id, such as contacts:101.');
  return { type, id };
}
