import type { z } from 'zod';
import { HubSpotError } from './errors.ts';

/**
 * Parses a response body by its schema. Schemas contain only the fields we use: HubSpot may add fields at any time.
 * @throws {HubSpotError} naming the fields that are missing; never their values, which may be tokens.
 */
export function readAnswer<T extends z.ZodType>(
  schema: T,
  body: unknown,
  request: { method: string; path: string; idempotent?: boolean | undefined },
): z.output<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const fields = [...new Set(parsed.error.issues.map(({ path }) => path.join('.') || 'body'))].join(', ');
  throw new HubSpotError({ ...request, problem: `an answer without usable ${fields}` });
}
