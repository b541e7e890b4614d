import { z } from 'zod';
import { invalidRequest } from '../errors.ts';

/** @throws {AppError} invalid_request, naming each field that is wrong. */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  );
  throw invalidRequest(`${problems.join('; ')}. Nothing was stored.`);
}

/** HubSpot's account id as it stands in a path. */
export const hubId = z
  .string()
  .regex(/^\d{1,15}$/, 'must be the number of a HubSpot account')
  .transform(Number);

export const email = z.email('must be an e-mail address').max(320);
