import { z } from 'zod';
import type { PropertyType } from '../state/object-types.ts';
import { validationError } from './api-error.ts';
import { asTime } from './property-values.ts';

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const valueOperators = [
  'LT',
  'LTE',
  'GT',
  'GTE',
  'EQ',
  'NEQ',
  'CONTAINS_TOKEN',
  'NOT_CONTAINS_TOKEN',
] as const;

/** One filter of a search, with the fields that its operator needs. */
export const filterSchema = z.discriminatedUnion('operator', [
  z.object({ propertyName: z.string(), operator: z.enum(valueOperators), value: text }),
  z.object({ propertyName: z.string(), operator: z.literal('BETWEEN'), value: text, highValue: text }),
  z.object({ propertyName: z.string(), operator: z.enum(['IN', 'NOT_IN']), values: z.array(text).min(1) }),
  z.object({ propertyName: z.string(), operator: z.literal('HAS_PROPERTY') }),
  z.object({ propertyName: z.string(), operator: z.literal('NOT_HAS_PROPERTY') }),
]);

export type Filter = z.infer<typeof filterSchema>;

/** A record without a value matches only NOT_HAS_PROPERTY. */
export function matchesFilter(
  held: string | undefined,
  type: PropertyType | undefined,
  filter: Filter,
): boolean {
  if (filter.operator === 'NOT_HAS_PROPERTY') return held === undefined;
  if (held === undefined) return false;

  const comparableTo = (value: string) => comparable(type, value);
  const own = comparableTo(held);
  switch (filter.operator) {
    case 'HAS_PROPERTY':
      return true;
    case 'EQ':
      return own === comparableTo(filter.value);
    case 'NEQ':
      return own !== comparableTo(filter.value);
    case 'LT':
      return own < comparableTo(filter.value);
    case 'LTE':
      return own <= comparableTo(filter.value);
    case 'GT':
      return own > comparableTo(filter.value);
    case 'GTE':
      return own >= comparableTo(filter.value);
    case 'BETWEEN':
      return own >= comparableTo(filter.value) && own <= comparableTo(filter.highValue);
    case 'IN':
      return isAmong(own, filter.values, type);
    case 'NOT_IN':
      return !isAmong(own, filter.values, type);
    case 'CONTAINS_TOKEN':
      return containsTokens(held, filter.value);
    case 'NOT_CONTAINS_TOKEN':
      return !containsTokens(held, filter.value);
    default:
      return filter satisfies never;
  }
}

/** The pseudo-property `associations.contact`: the ids of the contacts that a record is associated with. */
export function matchesAssociation(ids: readonly string[], filter: Filter): boolean {
  switch (filter.operator) {
    case 'EQ':
      return ids.includes(filter.value);
    case 'NEQ':
      return !ids.includes(filter.value);
    case 'IN':
      return filter.values.some((value) => ids.includes(value));
    case 'NOT_IN':
      return !filter.values.some((value) => ids.includes(value));
    case 'HAS_PROPERTY':
      return ids.length > 0;
    case 'NOT_HAS_PROPERTY':
      return ids.length === 0;
    default:
      throw validationError(`Operator ${filter.operator} does not work on ${filter.propertyName}.`);
  }
}

/** A value in comparable form: numbers and times as numbers, text in lower case. */
export function comparable(type: PropertyType | undefined, value: string): number | string {
  switch (type) {
    case 'number':
      return Number(value);
    case 'date':
    case 'datetime':
      return asTime(value);
    case 'enumeration':
      return value;
    default:
      return value.toLowerCase();
  }
}

/** Text is compared in lower case, but the values of IN are not converted: `IN ["Jane"]` finds nothing at HubSpot. */
function isAmong(own: number | string, values: string[], type: PropertyType | undefined): boolean {
  return values.some((value) => own === (type === 'string' ? value : comparable(type, value)));
}

/**
 * Every word of the searched text must be a word of the value, or the whole value; `*` matches any text. A word such as
 * `example.com` is also found by its parts, because values are split at punctuation.
 */
function containsTokens(value: string, searched: string): boolean {
  const held = value.toLowerCase();
  const tokens = [held, ...held.split(/\s+/), ...held.split(SIGNS)];
  const has = (pattern: string) => {
    const escaped = pattern.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
    const expression = new RegExp(`^${escaped.join('.*')}$`, 'u');
    return tokens.some((token) => expression.test(token));
  };
  const words = searched.toLowerCase().split(/\s+/).filter(Boolean);
  const partsOf = (word: string) => (word.includes('*') ? [] : word.split(SIGNS).filter(Boolean));
  return words.every((word) => has(word) || (partsOf(word).length > 0 && partsOf(word).every(has)));
}

const SIGNS = /[^\p{L}\p{N}]+/u;
