import { z } from 'zod';
import { validationError } from './api-error.ts';

/** Parses a body or query, or throws a VALIDATION_ERROR that names each invalid field. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map((issue) => ({
    message: issue.message,
    code: 'INVALID_FIELD',
    in: issue.path.join('.') || 'body',
  }));
  const first = errors[0];
  throw validationError(`Invalid input (${first?.in}): ${first?.message}`, errors);
}

/** `a,b` and `?x=a&x=b` alike. */
export const nameList = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => [value].flat().flatMap((part) => part.split(',')))
  .transform((names) => names.map((name) => name.trim()).filter((name) => name !== ''))
  .default([]);

/** The `after` of a page, which HubSpot's lists number. */
export const afterId = z.string().regex(/^\d+$/, 'after is not the paging token of a page').optional();

export const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((value) => value === 'true');

/** Property values in requests; they are stored as text. */
export const propertyValues = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));
