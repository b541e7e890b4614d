import express, { type Request } from 'express';

export const BODY_LIMIT = '1mb';

/**
 * Keeps the body's exact bytes, whatever their type: signatures cover bytes, and parsing and re-serialising does
 * not give them back. Compressed bodies are refused (415), as HubSpot sends none.
 */
export const captureRawBody = express.raw({ type: () => true, limit: BODY_LIMIT, inflate: false });

export function rawBodyOf(req: Request): Buffer {
  return Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
}
