import express from 'express';
import { z } from 'zod';
import { invalidRequest } from '../base/errors.ts';
import { BODY_LIMIT } from './signature/raw-body.ts';

/** Parses any content type as JSON: a body without the right label must not count as no body. */
export const jsonBody = express.json({ limit: BODY_LIMIT, type: () => true, strict: false });

/** Much deeper values make PostgreSQL and JSON.stringify run out of stack. */
const MAX_DEPTH = 100;

/** @throws {AppError} invalid_request, naming each field that is wrong. */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  requireStorable(value, []);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  );
  throw invalidRequest(`${problems.join('; ')}.`);
}

/** PostgreSQL stores neither NUL in text nor lone surrogates in JSON. */
function requireStorable(value: unknown, path: readonly string[]): void {
  if (path.length > MAX_DEPTH) throw invalidRequest(`${path[0]}: is nested too deeply.`);
  if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())) {
    const where = path.length > 0 ? `${path.join('.')}: ` : '';
    throw invalidRequest(`${where}holds a character that cannot be stored.`);
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    requireStorable(key, path);
    requireStorable(inner, [...path, key]);
  }
}

/** HubSpot's account id in a path. */
export const hubId = z
  .string()
  .regex(/^[1-9]\d{0,14}$/, 'must be the number of a HubSpot account')
  .transform(Number);

export const email = z.email('must be an e-mail address').max(320);
